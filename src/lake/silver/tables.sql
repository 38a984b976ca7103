CREATE OR REPLACE TABLE pieces (sid INTEGER, symbol VARCHAR, path VARCHAR);
CREATE OR REPLACE TABLE factors (sid INTEGER, from_date DATE, to_date DATE, factor DOUBLE);
