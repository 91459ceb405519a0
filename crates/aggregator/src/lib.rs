//! Turns observations into windows
