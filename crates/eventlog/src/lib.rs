//! How bytes are kept in order and read again
