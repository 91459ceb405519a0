-- Incidents, one row each: kept for good, since there are few.
CREATE TABLE incident_rows (
    -- Microseconds since 1970.
    opened_at_us INTEGER NOT NULL,
    rule TEXT NOT NULL,
    -- 'endpoint/…', 'provider/…', 'agent/…' or 'fleet'.
    subject TEXT NOT NULL,
    -- 1 while it is open, then 2.
    revision INTEGER NOT NULL,
    kind TEXT NOT NULL,
    severity TEXT NOT NULL,
    closed_at_us INTEGER,
    -- The worst that was seen, in millionths of its unit.
    worst_millionths INTEGER,
    worst_unit TEXT,
    reason TEXT NOT NULL,
    closed_because TEXT NOT NULL,
    -- Of the subject; empty where there is none.
    model TEXT NOT NULL,
    provider TEXT NOT NULL,
    quantization TEXT NOT NULL,
    agent TEXT NOT NULL,
    crc INTEGER NOT NULL,
    PRIMARY KEY (opened_at_us, rule, subject)
) STRICT, WITHOUT ROWID;

CREATE VIEW incidents AS
SELECT
    rule, kind, severity, subject,
    nullif(model, '') AS model, nullif(provider, '') AS provider,
    nullif(quantization, '') AS quantization, nullif(agent, '') AS agent,
    strftime('%Y-%m-%dT%H:%M:%fZ', opened_at_us / 1e6, 'unixepoch') AS opened_at,
    strftime('%Y-%m-%dT%H:%M:%fZ', closed_at_us / 1e6, 'unixepoch') AS closed_at,
    (closed_at_us - opened_at_us) / 1e6 AS lasted_s,
    worst_millionths / 1e6 AS worst, worst_unit, reason, closed_because
FROM incident_rows;
