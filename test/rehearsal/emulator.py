"""The AWS emulator, with what our stack needs of AWS and moto does not do.

Usage: python3 emulator.py PORT
"""

import json
import sys

from moto.athena.responses import AthenaResponse
from moto.awslambda.models import LambdaFunction
from moto.batch.models import BatchBackend, JobQueue
from moto.batch.responses import BatchResponse
from moto.core.authorization import ActionAuthenticatorMixin
from moto.iam.access_control import IAMPolicyStatement, IAMRequest, IAMRequestBase, PermissionResult, S3IAMRequest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.rds.models import DBCluster
from moto.s3.models import FakeDeleteMarker
from moto.s3.responses import S3Response
from moto.stepfunctions.responses import StepFunctionResponse
from werkzeug.serving import run_simple
import xmltodict


def validate_state_machine_definition(_):
    """Our own lint has judged the definition; here it is only kept."""
    return json.dumps({"result": "OK", "diagnostics": [], "truncated": False})


def list_state_machine_versions(_):
    return json.dumps({"stateMachineVersions": []})


StepFunctionResponse.validate_state_machine_definition = validate_state_machine_definition
StepFunctionResponse.list_state_machine_versions = list_state_machine_versions


def delete_named_query(self):
    """moto has no such action."""
    self.athena_backend.named_queries.pop(self._get_param("NamedQueryId"), None)
    return "{}"


AthenaResponse.delete_named_query = delete_named_query


def remember_logging_config():
    """A function's log group is given back as it was set."""
    init, configuration, update = (
        LambdaFunction.__init__,
        LambdaFunction.get_configuration,
        LambdaFunction.update_configuration,
    )

    def new_init(self, account_id, spec, *rest, **more):
        self.logging_config = spec.get("LoggingConfig")
        init(self, account_id, spec, *rest, **more)

    def new_configuration(self, *rest, **more):
        found = configuration(self, *rest, **more)
        return {**found, "LoggingConfig": self.logging_config} if self.logging_config else found

    def new_update(self, changes):
        self.logging_config = changes.get("LoggingConfig", self.logging_config)
        return update(self, changes)

    LambdaFunction.__init__ = new_init
    LambdaFunction.get_configuration = new_configuration
    LambdaFunction.update_configuration = new_update


def remember_time_limits():
    """A queue's limits on waiting jobs are given back as they were set."""
    create, describe = BatchResponse.createjobqueue, JobQueue.describe

    def new_create(self):
        answer = create(self)
        queue = self.batch_backend.get_job_queue(json.loads(answer)["jobQueueName"])
        queue.time_limits = self._get_param("jobStateTimeLimitActions") or []
        return answer

    BatchResponse.createjobqueue = new_create
    JobQueue.describe = lambda self: {
        **describe(self),
        "jobStateTimeLimitActions": getattr(self, "time_limits", []),
    }


def let_serverless_v2_have_a_data_api():
    """moto knows the Data API of Serverless v1 only, and gives every cluster v1's scaling."""
    DBCluster.enable_http_endpoint = property(
        lambda self: self._enable_http_endpoint,
        lambda self, value: setattr(self, "_enable_http_endpoint", bool(value)),
    )
    scaling = DBCluster.scaling_configuration_info
    DBCluster.scaling_configuration_info = property(
        lambda self: scaling.fget(self) if self.engine_mode == "serverless" else None
    )


def default_to_the_service_linked_role():
    """Without a role of its own a compute environment gets Batch's, which has to be there; moto writes its name so."""
    create = BatchBackend.create_compute_environment

    def new_create(self, compute_environment_name, _type, state, compute_resources, service_role, tags=None):
        path = "role/aws-service-role/batch.amazonaws.com/AWSServiceRoleForbatch"
        role = service_role or f"arn:aws:iam::{self.account_id}:{path}"
        return create(self, compute_environment_name, _type, state, compute_resources, role, tags)

    BatchBackend.create_compute_environment = new_create


def resources_of(request):
    """What a request is about, for the services that moto asks for "*" only."""
    place = f"{request._region}:{request.account_id}"
    if request._service == "dynamodb":
        body = json.loads(request._body or b"{}")
        names = [body["TableName"]] if "TableName" in body else list(body.get("RequestItems", {}))
        index = f"/index/{body['IndexName']}" if "IndexName" in body else ""
        return [f"arn:aws:dynamodb:{place}:table/{name.split('/')[-1]}{index}" for name in names]
    if request._service == "secretsmanager":
        return [json.loads(request._body or b"{}").get("SecretId", "*")]
    if request._service == "sns":
        return request._data.get("TopicArn", ["*"])
    return None


def ask_for_what_a_request_is_about():
    """Exact resources in a role's policies are kept to; whoever is refused is named on stdout."""
    permitted = IAMRequestBase.check_action_permitted

    def new_permitted(self, resource):
        for one in resources_of(self) or [resource]:
            self.asked_for = one
            permitted(self, one)

    def told(refuse):
        def new_refuse(self):
            role = self._access_key.arn.split("/")[-2]
            print(f"{role} {self._action} {self.asked_for}", flush=True)
            refuse(self)

        return new_refuse

    IAMRequestBase.check_action_permitted = new_permitted
    # Who signed is looked up; signatures themselves are the SDKs' and AWS's affair.
    IAMRequestBase.check_signature = lambda self: None
    for kind in (IAMRequest, S3IAMRequest):
        kind._raise_access_denied = told(kind._raise_access_denied)


def ask_for_every_key_that_is_deleted():
    """DeleteObjects is about keys; moto asks for the bucket."""
    authorize = ActionAuthenticatorMixin._authenticate_and_authorize_s3_action

    def new_authorize(self, bucket_name=None, key_name=None):
        if key_name is None and self.data.get("Action") == "DeleteObject":
            objects = xmltodict.parse(self.body, strip_whitespace=False)["Delete"].get("Object", [])
            for one in objects if isinstance(objects, list) else [objects]:
                authorize(self, bucket_name=bucket_name, key_name=one["Key"])
        else:
            authorize(self, bucket_name=bucket_name, key_name=key_name)

    S3Response._authenticate_and_authorize_s3_action = new_authorize


def let_delete_markers_be_deleted():
    """moto answers 500 when a version's marker goes, and with it a bucket is never emptied."""
    FakeDeleteMarker.dispose = lambda self, garbage=False: None


def take_loopback_for_tls():
    """A refusal of requests without TLS would refuse everything here."""
    permitted = IAMPolicyStatement.is_action_permitted

    def new_permitted(self, *rest, **more):
        if "aws:SecureTransport" in self._statement.get("Condition", {}).get("Bool", {}):
            return PermissionResult.NEUTRAL
        return permitted(self, *rest, **more)

    IAMPolicyStatement.is_action_permitted = new_permitted


class CountLakeRequests:
    """Objects and lists of the lake that were asked for, by the two classes that S3 bills."""

    def __init__(self, app):
        self.app = app
        self.counts = {"reads": 0, "writes": 0}

    def __call__(self, environ, start_response):
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        if path == "/rehearsal/lake-requests":
            start_response("200 OK", [("Content-Type", "application/json")])
            return [json.dumps(self.counts).encode()]
        bucket, _, key = path.lstrip("/").partition("/")
        lists = method == "GET" and "list-type=2" in environ.get("QUERY_STRING", "")
        if bucket.startswith("afterbell-dev-lake") and (key or lists):
            if lists or method == "PUT":
                self.counts["writes"] += 1
            elif method in ("GET", "HEAD"):
                self.counts["reads"] += 1
        return self.app(environ, start_response)


remember_logging_config()
remember_time_limits()
let_serverless_v2_have_a_data_api()
default_to_the_service_linked_role()
ask_for_what_a_request_is_about()
ask_for_every_key_that_is_deleted()
let_delete_markers_be_deleted()
take_loopback_for_tls()

if __name__ == "__main__":
    app = CountLakeRequests(DomainDispatcherApplication(create_backend_app))
    run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True)
