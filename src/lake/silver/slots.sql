CREATE TABLE slots (interval INTEGER, month INTEGER, first_day INTEGER, date DATE, from_history BOOLEAN);
