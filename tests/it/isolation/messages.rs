//! No error says what was stored: neither its text nor its debug form has a key or a value in it.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};
use walnut::{Database, Error, Result, Table};
use walnut_tests::random::Random;

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "secrets")]
struct Secret {
    #[primary_key]
    id: String,
    #[index(unique)]
    code: u64,
    #[index(unique)]
    word: Option<String>,
    body: Vec<u8>,
}

/// How bytes could stand in a message.
fn forms(bytes: &[u8]) -> [String; 4] {
    let hex = |form: fn(&u8) -> String| bytes.iter().map(form).collect::<String>();
    let list = format!("{bytes:?}");
    [
        String::from_utf8_lossy(bytes).into_owned(),
        list.trim_matches(['[', ']']).to_owned(),
        hex(|byte| format!("{byte:02x}")),
        hex(|byte| format!("{byte:02X}")),
    ]
}

fn says_nothing_of(error: &Error, secrets: &[Secret]) {
    let texts = [error.to_string(), format!("{error:?}"), format!("{error:#?}")];
    let flat = texts.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    for secret in secrets {
        let mut forbidden = vec![secret.code.to_string()];
        let code = secret.code.to_be_bytes();
        let word = secret.word.clone().unwrap_or_default();
        for bytes in [secret.id.as_bytes(), word.as_bytes(), &code, &secret.body] {
            if bytes.len() >= 6 {
                forbidden.extend(forms(&bytes[..6.min(bytes.len())]));
            }
        }
        for text in &flat {
            let found = forbidden.iter().find(|value| text.contains(value.as_str()));
            assert!(found.is_none(), "{found:?} in {text}");
        }
    }
}

fn refused<R: Debug>(outcome: Result<R>) -> Error {
    outcome.expect_err("it is refused")
}

#[test]
fn no_error_tells_a_key_or_a_value() -> Result<()> {
    for seed in 0..5 {
        let mut random = Random::new(seed, "secrets");
        let mut text = |size: usize| -> String {
            (0..size).map(|_| char::from(b'a' + u8::try_from(random.below(26)).unwrap())).collect()
        };
        let (ids, words) = ([text(12), text(12), text(3000)], [text(9), text(9)]);
        let db = Database::in_memory()?;
        let table = db.table::<Secret>()?;
        let [ann, bob] = [0, 1].map(|n| Secret {
            id: ids[n].clone(),
            code: 0x6162_6364_6566_6768 + seed * 1_000_003 + n as u64,
            word: Some(words[n].clone()),
            body: words[n].repeat(3).into_bytes(),
        });
        table.insert(&ann)?;
        let large = Secret { body: words[0].repeat(2_000_000).into_bytes(), ..bob.clone() };
        let mut errors = vec![
            refused(table.insert(&ann)),
            refused(table.insert(&Secret { code: ann.code, ..bob.clone() })),
            refused(table.upsert(&Secret { word: ann.word.clone(), ..bob.clone() })),
            refused(table.insert(&large)),
            refused(table.insert(&Secret { id: ids[2].clone(), ..bob.clone() })),
            refused(table.replace(&bob)),
            refused(table.modify(&ann.id, |row| row.id.clone_from(&bob.id))),
        ];
        let tx = db.begin();
        let rows = tx.table::<Secret>()?;
        rows.insert(&bob)?;
        // The owner is a row of the same transaction.
        let twin = refused(rows.insert(&Secret { id: ids[0].repeat(2), code: 7, ..bob.clone() }));
        let Error::UniqueViolation(violation) = &twin else { panic!("{twin}") };
        assert_eq!((violation.table(), violation.index()), ("secrets", "word"));
        assert!(violation.is(Secret::ix().word));
        assert_eq!(violation.owner::<Secret>(), Some(bob.id.clone()));
        errors.push(twin);
        table.insert(&bob)?;
        errors.push(refused(tx.commit()));
        let secrets = [ann.clone(), bob.clone(), large];
        for error in &errors {
            says_nothing_of(error, &secrets);
        }
        let Error::UniqueViolation(violation) = &errors[2] else { panic!("{}", errors[2]) };
        assert_eq!(violation.owner::<Secret>(), Some(ann.id.clone()));
        assert!(errors[2].to_string().contains("secrets") && errors[2].to_string().contains("word"));
    }
    Ok(())
}
