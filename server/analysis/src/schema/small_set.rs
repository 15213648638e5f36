//! A set of few elements. A tree's smallest node has room for eleven, which is most of what a catalog of small sets takes.

use std::slice;
use std::vec;

/// A sorted set of few elements: linear insertion, no room to spare.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SmallSet<T>(Vec<T>);

impl<T> Default for SmallSet<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Ord> SmallSet<T> {
    /// Adds an element; whether it is new.
    pub fn insert(&mut self, element: T) -> bool {
        let Err(at) = self.0.binary_search(&element) else {
            return false;
        };
        self.0.reserve_exact(1);
        self.0.insert(at, element);
        true
    }

    /// Whether the element is there.
    pub fn contains(&self, element: &T) -> bool {
        self.0.binary_search(element).is_ok()
    }

    /// Takes an element out; whether it was there.
    pub fn remove(&mut self, element: &T) -> bool {
        let found = self.0.binary_search(element);
        found.map(|at| self.0.remove(at)).is_ok()
    }
}

impl<T> SmallSet<T> {
    /// The elements in order.
    pub fn iter(&self) -> slice::Iter<'_, T> {
        self.0.iter()
    }

    /// The smallest element.
    pub fn first(&self) -> Option<&T> {
        self.0.first()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<T: Ord> Extend<T> for SmallSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, elements: I) {
        for element in elements {
            self.insert(element);
        }
    }
}

impl<T: Ord> FromIterator<T> for SmallSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(elements: I) -> Self {
        let mut sorted: Vec<T> = elements.into_iter().collect();
        sorted.sort();
        sorted.dedup();
        sorted.shrink_to_fit();
        Self(sorted)
    }
}

impl<T> IntoIterator for SmallSet<T> {
    type Item = T;
    type IntoIter = vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'s, T> IntoIterator for &'s SmallSet<T> {
    type Item = &'s T;
    type IntoIter = slice::Iter<'s, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_tree_holds(steps in proptest::collection::vec((any::<bool>(), 0_u8..12), 0..40)) {
            let (mut small, mut tree) = (SmallSet::default(), BTreeSet::new());
            for (adds, element) in steps {
                if adds {
                    prop_assert_eq!(small.insert(element), tree.insert(element));
                } else {
                    prop_assert_eq!(small.remove(&element), tree.remove(&element));
                }
                prop_assert_eq!(small.contains(&element), tree.contains(&element));
            }
            prop_assert!(small.iter().eq(tree.iter()));
            prop_assert_eq!(&small, &tree.iter().copied().collect());
            prop_assert_eq!((small.first(), small.len()), (tree.first(), tree.len()));
        }
    }
}
