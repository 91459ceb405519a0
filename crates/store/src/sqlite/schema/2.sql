-- What was ruled on a gate, one row for each record of the gates log.
CREATE TABLE gate_rows (
    -- Microseconds since 1970.
    since_us INTEGER NOT NULL,
    -- 16 hexadecimal digits; with the offset, the record's place.
    log_id TEXT NOT NULL,
    log_offset INTEGER NOT NULL,
    model TEXT NOT NULL,
    quantization TEXT NOT NULL,
    operation TEXT NOT NULL,
    -- 'green', 'red', or 'none' for one that was taken back.
    verdict TEXT NOT NULL,
    author TEXT NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (since_us, log_id, log_offset)
) STRICT, WITHOUT ROWID;

CREATE INDEX gate_rows_of_model ON gate_rows (model, since_us);

CREATE VIEW gates AS
SELECT
    strftime('%Y-%m-%dT%H:%M:%fZ', since_us / 1e6, 'unixepoch') AS since,
    model, quantization, operation, verdict, author
FROM gate_rows;
