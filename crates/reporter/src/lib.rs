//! How a program hands observations over
