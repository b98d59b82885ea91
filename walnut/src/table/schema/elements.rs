//! Collections that an index can take apart: `#[index(each)]` has an entry for each distinct
//! element.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::sync::Arc;

/// A collection whose elements are indexed one by one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no elements to index",
    label = "`each` is for collections",
    note = "`each` takes apart `Vec`, `VecDeque`, `LinkedList`, arrays, boxed slices, `HashSet`, `BTreeSet`, the keys of `HashMap` and \
            `BTreeMap`, and an `Option` of one of these or of a single value"
)]
pub trait Elements: Send + Sync + 'static {
    /// What it holds.
    type Element: 'static;

    /// Its elements; some may come more than once.
    fn elements(&self) -> impl Iterator<Item = &Self::Element>;
}

macro_rules! collections {
    ($([$($params:tt)*] $collection:ty;)*) => {$(
        impl<E: Send + Sync + 'static, $($params)*> Elements for $collection {
            type Element = E;

            fn elements(&self) -> impl Iterator<Item = &E> {
                self.iter()
            }
        }
    )*};
}

collections! {
    [] Vec<E>;
    [] VecDeque<E>;
    [] LinkedList<E>;
    [] Box<[E]>;
    [] Arc<[E]>;
    [] BTreeSet<E>;
    [] Option<E>;
    [const N: usize] [E; N];
    [S: Send + Sync + 'static] HashSet<E, S>;
}

/// The keys of a map.
impl<K: Send + Sync + 'static, V: Send + Sync + 'static> Elements for BTreeMap<K, V> {
    type Element = K;

    fn elements(&self) -> impl Iterator<Item = &K> {
        self.keys()
    }
}

/// The keys of a map.
impl<K, V, S> Elements for HashMap<K, V, S>
where
    K: Send + Sync + 'static,
    V: Send + Sync + 'static,
    S: Send + Sync + 'static,
{
    type Element = K;

    fn elements(&self) -> impl Iterator<Item = &K> {
        self.keys()
    }
}
