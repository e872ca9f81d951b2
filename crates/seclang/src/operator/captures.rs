//! What a matching operator captured.

/// At most ten captured values, for `TX.0` (the whole match) to `TX.9`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Captures([Option<Vec<u8>>; 10]);

impl Captures {
    /// No captures yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// The capture of that number; none if the group did not take part in the match.
    pub fn get(&self, number: usize) -> Option<&[u8]> {
        self.0.get(number)?.as_deref()
    }

    /// All captures that took part, with their numbers.
    pub fn iter(&self) -> impl Iterator<Item = (usize, &[u8])> {
        self.0.iter().enumerate().filter_map(|(number, value)| Some((number, value.as_deref()?)))
    }

    /// The captures by their numbers.
    pub(crate) fn into_values(self) -> impl Iterator<Item = Option<Vec<u8>>> {
        self.0.into_iter()
    }

    /// Replaces all captures; of more than ten the rest is dropped.
    pub(super) fn replace<'a>(&mut self, values: impl Iterator<Item = Option<&'a [u8]>>) {
        let mut values = values.fuse();
        for slot in &mut self.0 {
            *slot = values.next().flatten().map(<[u8]>::to_vec);
        }
    }
}
