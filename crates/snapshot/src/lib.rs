//! What a gateway must know right now: rows, version, delta, age
