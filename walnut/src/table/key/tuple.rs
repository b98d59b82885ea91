//! Tuples: one part after the other, with nothing between them.
//!
//! No part's encoding is a prefix of another one, so this compares as the tuple does: the first
//! parts that differ decide, before either of them ends. One missing part makes the whole a missing
//! value, of which a unique index may hold any number, as it does for several columns.

use super::{BeginsWithText, Composite, Key, KeyReader, KeyShape, KeyWriter, TextKey};
use crate::error::Fault;

macro_rules! tuples {
    ($($($part:ident . $field:tt)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($part: Key),*> Key for ($($part,)*) {
            type Ref<'a> = ($($part::Ref<'a>,)*);

            const EXACT: bool = $($part::EXACT)&&*;
            const OPTIONAL: bool = $($part::OPTIONAL)||*;

            fn key_shape() -> KeyShape {
                KeyShape::tuple([$($part::key_shape()),*])
            }

            fn encode(&self, out: &mut KeyWriter) {
                $(self.$field.encode(out);)*
            }

            fn encode_ref(point: &Self::Ref<'_>, out: &mut KeyWriter) {
                $($part::encode_ref(&point.$field, out);)*
            }

            fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
                // The parts of a tuple expression are evaluated in their order.
                Ok(($($part::decode(input)?,)*))
            }

            fn skip(input: &mut KeyReader<'_>) -> Result<(), Fault> {
                $($part::skip(input)?;)*
                Ok(())
            }

            fn is_none(&self) -> bool {
                $(self.$field.is_none())||*
            }

            fn ref_is_none(point: &Self::Ref<'_>) -> bool {
                $($part::ref_is_none(&point.$field))||*
            }
        }
    )*};
}

tuples! {
    A.0;
    A.0 B.1;
    A.0 B.1 C.2;
    A.0 B.1 C.2 D.3;
    A.0 B.1 C.2 D.3 E.4;
    A.0 B.1 C.2 D.3 E.4 F.5;
    A.0 B.1 C.2 D.3 E.4 F.5 G.6;
    A.0 B.1 C.2 D.3 E.4 F.5 G.6 H.7;
}

#[diagnostic::do_not_recommend]
impl<A: Key, B: Key> Composite for (A, B) {
    type First = A;
    type Rest = B;
}

#[diagnostic::do_not_recommend]
impl<A: TextKey, B: Key> BeginsWithText for (A, B) {
    type Text = A;
}

macro_rules! composites {
    ($($($rest:ident)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<A: Key, $($rest: Key),*> Composite for (A, $($rest),*) {
            type First = A;
            type Rest = ($($rest),*);
        }

        #[diagnostic::do_not_recommend]
        impl<A: TextKey, $($rest: Key),*> BeginsWithText for (A, $($rest),*) {
            type Text = A;
        }
    )*};
}

composites! {
    B C;
    B C D;
    B C D E;
    B C D E F;
    B C D E F G;
    B C D E F G H;
}
