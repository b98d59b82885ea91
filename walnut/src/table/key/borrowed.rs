//! Borrowed text as bounds of a range: `"a".."b"` over `String`, `("Paris", 21)..` over `(String,
//! u8)`.
//!
//! A whole key and a reference to one are bounds already, see [`KeyBound`]; `text` has those of
//! each kind of text. The implementations here are borrowed somewhere, so no two of them fit the
//! same pair of types and literals infer. In tuples of two to four parts, any text may be borrowed;
//! longer tuples are passed whole.

use super::{Key, KeyBound, KeyWriter, NoCase, escape};

#[diagnostic::do_not_recommend]
impl KeyBound<Vec<u8>> for &[u8] {
    fn encode_point(&self, out: &mut KeyWriter) {
        Vec::encode_ref(self, out);
    }
}

/// A literal such as `b"abc"`.
#[diagnostic::do_not_recommend]
impl<const N: usize> KeyBound<Vec<u8>> for &[u8; N] {
    fn encode_point(&self, out: &mut KeyWriter) {
        escape::encode(*self, out);
    }
}

#[diagnostic::do_not_recommend]
impl KeyBound<Option<Vec<u8>>> for Option<&[u8]> {
    fn encode_point(&self, out: &mut KeyWriter) {
        Option::<Vec<u8>>::encode_ref(self, out);
    }
}

/// One implementation for each list of parts, where a name is a part of that type, `str` is
/// borrowed text, and `caseless` the same for a part without case.
macro_rules! tuples {
    ($([$($whole:ident)*] $($part:ident . $field:tt)*;)*) => {$(
        #[diagnostic::do_not_recommend]
        impl<$($whole: Key),*> KeyBound<($(tuples!(@key $part)),*)> for ($(tuples!(@point $part)),*) {
            fn encode_point(&self, out: &mut KeyWriter) {
                $(KeyBound::<tuples!(@key $part)>::encode_point(&self.$field, out);)*
            }
        }
    )*};
    (@key str) => { String };
    (@key caseless) => { NoCase };
    (@key $whole:ident) => { $whole };
    (@point str) => { &str };
    (@point caseless) => { &str };
    (@point $whole:ident) => { $whole };
}

tuples! {
    [A] str.0 A.1;
    [A] A.0 str.1;
    [] str.0 str.1;

    [A] caseless.0 A.1;
    [A] A.0 caseless.1;
    [] caseless.0 caseless.1;
    [] caseless.0 str.1;
    [] str.0 caseless.1;

    [A B] str.0 A.1 B.2;
    [A B] A.0 str.1 B.2;
    [A B] A.0 B.1 str.2;
    [A] str.0 str.1 A.2;
    [A] str.0 A.1 str.2;
    [A] A.0 str.1 str.2;
    [] str.0 str.1 str.2;

    [A B C] str.0 A.1 B.2 C.3;
    [A B C] A.0 str.1 B.2 C.3;
    [A B C] A.0 B.1 str.2 C.3;
    [A B C] A.0 B.1 C.2 str.3;
    [A B] str.0 str.1 A.2 B.3;
    [A B] str.0 A.1 str.2 B.3;
    [A B] str.0 A.1 B.2 str.3;
    [A B] A.0 str.1 str.2 B.3;
    [A B] A.0 str.1 B.2 str.3;
    [A B] A.0 B.1 str.2 str.3;
    [A] str.0 str.1 str.2 A.3;
    [A] str.0 str.1 A.2 str.3;
    [A] str.0 A.1 str.2 str.3;
    [A] A.0 str.1 str.2 str.3;
    [] str.0 str.1 str.2 str.3;
}
