//! Admits observations and acknowledges what the log has acknowledged
