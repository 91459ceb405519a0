//! A catalog that may be replaced while it is read.

use std::sync::Arc;

use arc_swap::ArcSwap;

use crate::catalog::Catalog;

/// The catalog in force. Clones are handles to the same one.
///
/// Who needs one answer from several look-ups takes the catalog once with [`LiveCatalog::get`]
/// and asks that.
#[derive(Debug, Clone)]
pub struct LiveCatalog(Arc<ArcSwap<Catalog>>);

impl LiveCatalog {
    /// A handle to this catalog.
    pub fn new(catalog: Catalog) -> Self {
        Self(Arc::new(ArcSwap::from_pointee(catalog)))
    }

    /// The catalog in force at this moment. It does not change in the caller's hands.
    pub fn get(&self) -> Arc<Catalog> {
        self.0.load_full()
    }

    /// Puts another one in force, for all handles.
    pub fn replace(&self, catalog: Catalog) {
        self.0.store(Arc::new(catalog));
    }

    /// Whether this is the catalog in force.
    pub fn is_in_force(&self, catalog: &Arc<Catalog>) -> bool {
        Arc::ptr_eq(&self.0.load(), catalog)
    }
}
