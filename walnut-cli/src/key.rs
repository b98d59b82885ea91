//! Keys of encrypted databases: of a file, the environment, or a terminal; never of an argument.

use std::fs::File;
use std::io::{self, IsTerminal, Read};
use std::path::{Path, PathBuf};

use walnut::EncryptionKey;
use zeroize::Zeroizing;

use crate::failure::{Failure, Outcome};

const KEY_SIZE: usize = 32;

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Opens the database.
    Open,
    /// Will open it, or a copy of it.
    New,
}

impl Purpose {
    /// The variables of the environment that name a file with the key, and that hold a passphrase.
    fn variables(self) -> (&'static str, &'static str) {
        match self {
            Self::Open => ("WALNUT_KEY_FILE", "WALNUT_PASSPHRASE"),
            Self::New => ("WALNUT_NEW_KEY_FILE", "WALNUT_NEW_PASSPHRASE"),
        }
    }
}

/// The key of a file, or of the environment, if there is one.
pub(crate) fn given(file: Option<&Path>, purpose: Purpose) -> Outcome<Option<EncryptionKey>> {
    let (file_variable, passphrase_variable) = purpose.variables();
    let named = std::env::var_os(file_variable).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = file.or(named.as_deref()) {
        return of_file(path).map(Some);
    }
    match std::env::var(passphrase_variable).map(Zeroizing::new) {
        Ok(passphrase) if !passphrase.is_empty() => of_passphrase(&passphrase).map(Some),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(Failure::Usage(format!("{passphrase_variable} is not UTF-8")))
        }
        _ => Ok(None),
    }
}

/// The key of a passphrase that is typed at a terminal; nothing where there is no terminal, or
/// nothing was typed.
pub(crate) fn asked(prompt: &str) -> Outcome<Option<EncryptionKey>> {
    if !io::stdin().is_terminal() {
        return Ok(None);
    }
    let passphrase = typed(prompt)?;
    if passphrase.is_empty() { Ok(None) } else { of_passphrase(&passphrase).map(Some) }
}

/// A new key: of a file, of the environment, or of a passphrase that is typed twice.
pub(crate) fn new(file: Option<&Path>) -> Outcome<EncryptionKey> {
    if let Some(key) = given(file, Purpose::New)? {
        return Ok(key);
    }
    if !io::stdin().is_terminal() {
        return Err(Failure::Usage(
            "give the new key with --new-key-file FILE, WALNUT_NEW_KEY_FILE or WALNUT_NEW_PASSPHRASE"
                .to_owned(),
        ));
    }
    let (first, second) = (typed("New passphrase: ")?, typed("Again: ")?);
    match *first == *second {
        true if first.is_empty() => Err(Failure::Usage("a passphrase cannot be empty".to_owned())),
        true => of_passphrase(&first),
        false => Err(Failure::Usage("the passphrases differ".to_owned())),
    }
}

/// A line typed without an echo.
fn typed(prompt: &str) -> Outcome<Zeroizing<String>> {
    let typed = rpassword::prompt_password(prompt).map(Zeroizing::new);
    typed.map_err(|error| Failure::Open(format!("the terminal cannot be read: {error}")))
}

fn of_passphrase(passphrase: &str) -> Outcome<EncryptionKey> {
    Ok(EncryptionKey::from_passphrase(passphrase)?)
}

/// The key in a file: 32 bytes, or 64 hexadecimal digits and a newline.
fn of_file(path: &Path) -> Outcome<EncryptionKey> {
    let file = File::open(path).map_err(|error| Failure::file(path, &error))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(KEY_SIZE * 4));
    let limit = (KEY_SIZE * 3) as u64;
    file.take(limit).read_to_end(&mut bytes).map_err(|error| Failure::file(path, &error))?;
    let key = Zeroizing::new(match <[u8; KEY_SIZE]>::try_from(&bytes[..]) {
        Ok(key) => Some(key),
        Err(_) => of_digits(bytes.trim_ascii_end()),
    });
    let key = key.ok_or_else(|| {
        Failure::Usage(format!("{} holds no key: 32 bytes, or 64 hexadecimal digits", path.display()))
    })?;
    Ok(EncryptionKey::from_bytes(key))
}

fn of_digits(digits: &[u8]) -> Option<[u8; KEY_SIZE]> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut key = [0; KEY_SIZE];
    if digits.len() != 2 * KEY_SIZE {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(digits.chunks(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(key)
}
