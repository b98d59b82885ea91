//! Types that serde reads as they were written, for every value.
//!
//! ```text
//!   Serde::<u64>::IS_LOSSLESS           true: of `Serde` itself, because `u64: Lossless`
//!   Serde::<UserId>::IS_LOSSLESS        false: of the trait `MaybeLossy`, which is asked when the type has no such constant
//! ```
//!
//! A row of such fields need not be decoded again after it was encoded. This must be known of the
//! type and not of a value, and for a program's own types it is not: serde's attributes and
//! hand-written implementations are invisible here. So there is a list, and all other types are
//! decoded again.
//!
//! A parameter of a generic struct counts as not on the list.
//!
//! Not on it, though in the standard library: `SocketAddrV6`, whose scope is not written, and with
//! it `SocketAddr`; and sets and maps with other hashers.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV4};
use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128, NonZeroU8, NonZeroU16, NonZeroU32,
    NonZeroU64, NonZeroU128, Wrapping,
};
use std::time::{Duration, SystemTime};

/// A type whose every value serde reads as it was written.
pub trait Lossless {}

/// Tells whether a type is [`Lossless`]; for derived code.
#[derive(Debug)]
pub struct Serde<T>(PhantomData<T>);

impl<T: Lossless> Serde<T> {
    /// It is.
    pub const IS_LOSSLESS: bool = true;
}

/// The answer for all other types.
pub trait MaybeLossy {
    /// It is not known to be.
    const IS_LOSSLESS: bool = false;
}

impl<T> MaybeLossy for Serde<T> {}

macro_rules! lossless {
    (@one [$($params:tt)*] $lossless:ty) => {
        impl<$($params)*> Lossless for $lossless {}
    };
    (@each $params:tt [$($lossless:ty),*]) => {
        $(lossless!(@one $params $lossless);)*
    };
    ($($params:tt $($lossless:ty),*;)*) => {
        $(lossless!(@each $params [$($lossless),*]);)*
    };
}

lossless! {
    [] (), bool, char, u8, u16, u32, u64, u128, usize, i8, i16, i32, i64, i128, isize, f32, f64;
    [] NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64, NonZeroU128;
    [] NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroI128;
    [] String, Box<str>, Cow<'static, str>;
    [] Duration, SystemTime, Ipv4Addr, Ipv6Addr, IpAddr, SocketAddrV4;
    [T: ?Sized] PhantomData<T>;
    [T: Lossless] Option<T>, Box<T>, Box<[T]>, Vec<T>, VecDeque<T>, LinkedList<T>, Wrapping<T>, Reverse<T>;
    [T: Lossless] BTreeSet<T>, HashSet<T>;
    [K: Lossless, V: Lossless] BTreeMap<K, V>, HashMap<K, V>;
    [T: Lossless, const N: usize] [T; N];
    [A: Lossless] (A,);
    [A: Lossless, B: Lossless] (A, B);
    [A: Lossless, B: Lossless, C: Lossless] (A, B, C);
    [A: Lossless, B: Lossless, C: Lossless, D: Lossless] (A, B, C, D);
}

#[cfg(feature = "uuid")]
impl Lossless for uuid::Uuid {}

#[cfg(test)]
mod tests {
    use std::net::{SocketAddr, SocketAddrV6};

    use super::*;

    struct Own;

    #[test]
    fn only_what_is_listed_is_lossless() {
        let listed = [
            Serde::<u64>::IS_LOSSLESS,
            Serde::<Option<Vec<String>>>::IS_LOSSLESS,
            Serde::<HashMap<u8, [(i64, f32); 3]>>::IS_LOSSLESS,
        ];
        assert_eq!(listed, [true; 3]);
        let others = [
            Serde::<SocketAddrV6>::IS_LOSSLESS,
            Serde::<Option<SocketAddr>>::IS_LOSSLESS,
            Serde::<Own>::IS_LOSSLESS,
            Serde::<Vec<(u8, Own)>>::IS_LOSSLESS,
        ];
        assert_eq!(others, [false; 4]);
    }

    #[test]
    fn of_a_parameter_nothing_is_known() {
        const fn known<T>() -> bool {
            Serde::<Option<T>>::IS_LOSSLESS
        }
        assert!(!known::<u64>());
    }
}
