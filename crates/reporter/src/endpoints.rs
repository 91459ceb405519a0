//! Numbers for definitions, so that a batch names each by a small number.

use std::collections::HashMap;

use sextant_measure::observation::Definition;

/// Most definitions whose number is remembered.
const REMEMBERED_MAX: usize = 65_536;

/// Numbers for definitions. A number never gets a second meaning; a definition gets a second
/// number if it was forgotten, which harms nothing.
#[derive(Debug, Default)]
pub(crate) struct Endpoints {
    ids: HashMap<Definition, u32>,
    next: u32,
}

impl Endpoints {
    pub(crate) fn id_of(&mut self, definition: &Definition) -> u32 {
        if let Some(id) = self.ids.get(definition) {
            return *id;
        }
        if self.ids.len() == REMEMBERED_MAX {
            self.ids.clear();
        }
        let id = self.next;
        // Comes round after four billion, long after the connections that knew the old meaning.
        self.next = self.next.wrapping_add(1);
        self.ids.insert(definition.clone(), id);
        id
    }
}
