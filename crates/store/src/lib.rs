//! How results are kept and queried
