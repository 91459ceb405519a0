//! What crosses processes: end to end and faults.
