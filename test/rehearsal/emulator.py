"""The AWS emulator, with what our stack needs of AWS and moto does not do.

Usage: python3 emulator.py PORT
"""

import json
import sys

from moto.awslambda.models import LambdaFunction
from moto.batch.models import BatchBackend, JobQueue
from moto.batch.responses import BatchResponse
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app
from moto.rds.models import DBCluster
from moto.stepfunctions.responses import StepFunctionResponse
from werkzeug.serving import run_simple


def validate_state_machine_definition(_):
    """Our own lint has judged the definition; here it is only kept."""
    return json.dumps({"result": "OK", "diagnostics": [], "truncated": False})


def list_state_machine_versions(_):
    return json.dumps({"stateMachineVersions": []})


StepFunctionResponse.validate_state_machine_definition = validate_state_machine_definition
StepFunctionResponse.list_state_machine_versions = list_state_machine_versions


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


remember_logging_config()
remember_time_limits()
let_serverless_v2_have_a_data_api()
default_to_the_service_linked_role()

if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), DomainDispatcherApplication(create_backend_app), threaded=True)
