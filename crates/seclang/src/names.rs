//! Names of TX values: each name that a rule writes gets a slot at load, so that no name is looked up while rules run.

use std::collections::HashMap;

/// The number of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Slot(pub(crate) u32);

/// All names that rules write. The first ten are the captures, `0` to `9`.
#[derive(Debug, Clone)]
pub(crate) struct Names {
    slots: HashMap<Vec<u8>, Slot>,
    names: Vec<Vec<u8>>,
}

/// How many slots captures take.
pub(crate) const CAPTURES: usize = 10;

impl Default for Names {
    fn default() -> Self {
        let mut names = Names { slots: HashMap::new(), names: Vec::new() };
        for digit in b'0'..=b'9' {
            names.slot(&[digit]);
        }
        names
    }
}

impl Names {
    /// The slot of a name (without regard to case), made if it is new.
    pub(crate) fn slot(&mut self, name: &[u8]) -> Slot {
        let name = name.to_ascii_lowercase();
        if let Some(slot) = self.slots.get(&name) {
            return *slot;
        }
        let slot = Slot(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        self.names.push(name.clone());
        self.slots.insert(name, slot);
        slot
    }

    /// The slot of a name in lower case, if a rule writes it.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Slot> {
        self.slots.get(name).copied()
    }

    /// The name of a slot.
    pub(crate) fn name(&self, slot: Slot) -> &[u8] {
        self.names.get(slot.0 as usize).map_or(b"", |n| n)
    }

    /// All slots.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> + use<> {
        (0..u32::try_from(self.names.len()).unwrap_or(u32::MAX)).map(Slot)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }
}

/// The slot of what is no TX value.
pub(crate) const NONE: Slot = Slot(u32::MAX);
