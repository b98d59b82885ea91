//! Folding: that the table is Unicode's, and what the store rests on.

use proptest::prelude::*;
use unicase::UniCase;

use super::encode;
use super::law::text;
use crate::table::key::folding::{fold, is_folded};
use crate::table::key::{Key, KeyWriter, NoCase, TextKey};

#[test]
fn every_character_is_folded_as_unicode_says() {
    for letter in '\0'..=char::MAX {
        let text = letter.to_string();
        let expected = UniCase::unicode(&text).to_folded_case();
        assert_eq!(fold(&text), expected, "U+{:04X}", u32::from(letter));
        assert!(is_folded(&expected), "U+{:04X}", u32::from(letter));
        assert_eq!(is_folded(&text), text == expected, "U+{:04X}", u32::from(letter));
    }
}

#[test]
fn what_people_write_in_several_ways_is_one_key() {
    for (one, other) in [
        ("Anna", "aNNA"),
        ("Straße", "STRASSE"),
        ("ΟΔΟΣ", "οδος"),
        ("ẞ", "ss"),
        ("ﬁn", "FIN"),
        ("\u{212a}", "k"),
    ] {
        assert_eq!(NoCase::new(one), NoCase::new(other), "{one} {other}");
    }
    assert_ne!(NoCase::new("e\u{301}"), NoCase::new("é"), "nothing is composed");
    assert_ne!(NoCase::new("ı"), NoCase::new("i"), "no language is preferred");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_text_is_folded_once_and_piece_by_piece(one in text(), other in text()) {
        let (folded, both) = (fold(&one).into_owned(), format!("{one}{other}"));
        prop_assert_eq!(fold(&folded), folded.as_str());
        prop_assert_eq!(fold(&both), format!("{}{}", folded, fold(&other)));
        let mut start = KeyWriter::new(&[]);
        <NoCase>::encode_start(&one.as_str(), &mut start);
        prop_assert!(encode(&NoCase::new(&both)).starts_with(start.finish().unwrap()));
        let mut point = KeyWriter::new(&[]);
        <NoCase>::encode_ref(&one.to_uppercase().as_str(), &mut point);
        prop_assert!(point.finish().is_ok());
    }
}
