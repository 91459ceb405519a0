//! Which models, providers, prices and benchmarks exist
