//! Where a value stands in its log.

use std::sync::Arc;

/// A place in a log. Within a partition a higher offset is newer; between partitions there is no
/// order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp {
    /// The partition; 0 in the gates log, which has one.
    pub partition: u32,
    /// The offset in it.
    pub offset: u64,
}

/// A value and where it stands. Copies share the value.
#[derive(Debug, PartialEq, Eq)]
pub struct Stamped<T> {
    /// Where it stands.
    pub stamp: Stamp,
    /// What stands there.
    pub value: Arc<T>,
}

impl<T> Clone for Stamped<T> {
    fn clone(&self) -> Self {
        Self {
            stamp: self.stamp,
            value: Arc::clone(&self.value),
        }
    }
}
