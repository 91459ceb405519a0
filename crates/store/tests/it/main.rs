//! The store as others see it.
