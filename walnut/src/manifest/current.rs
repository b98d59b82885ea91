//! `CURRENT`: names the manifest. A short text, replaced by a rename.
//!
//! ```text
//!  walnut database
//!  format 2                                  1 is older than adds, 3 is encrypted
//!  id 00112233445566778899aabbccddeeff       the database's id
//!  manifest MANIFEST-000007
//!  seed 1a2b3c4d                             the seed of that manifest file
//!  snapshot 12345                            the manifest was durable up to this offset
//!  seal 1 00..ff 00..ff                      format 3: data key, salt and tag of the lines before
//!  crc32 89abcdef                            of all bytes before this line
//! ```
//!
//! It is valid if and only if (1) it begins with the first line, (2) the checksum of the last line
//! agrees, (3) the format is known, and (4) it equals, byte for byte, the text that its fields
//! encode to. In format 3 the seal must be that of the text before it (see `crypt`): the text is
//! not secret, but without the key no other one can be written. A database with encryption is in
//! format 3, one without is not.

use std::path::{Path, PathBuf};

use crate::base::FileNumber;
use crate::codec::{FileKind, crc32};
use crate::crypt::{DataKeys, TextSeal};
use crate::env::Env;
use crate::error::{Error, Fault, KeyFault, Result};
use crate::files::FileName;

const FIRST_LINE: &str = "walnut database\n";
const FORMAT: u32 = 2;
const ENCRYPTED_FORMAT: u32 = 3;
const CRC_LINE_SIZE: usize = "crc32 89abcdef\n".len();

/// The largest size that is read; a valid text is far shorter.
const MAX_SIZE: u64 = 1024;

/// The content of `CURRENT`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct CurrentFile {
    pub(super) database: [u8; 16],
    pub(super) manifest: FileNumber,
    pub(super) seed: u32,
    pub(super) snapshot_end: u64,
    /// Whether it was read in an older format. It must be rewritten in the newest format before
    /// anything is written that an older program does not know.
    pub(super) is_old: bool,
    /// The seal of the text, in an encrypted database.
    pub(super) seal: Option<TextSeal>,
}

impl CurrentFile {
    pub(super) fn path(dir: &Path) -> PathBuf {
        FileName::Current.path(dir)
    }

    pub(super) fn is_among(names: &[String]) -> bool {
        names.iter().any(|name| FileName::parse(name) == Some(FileName::Current))
    }

    /// Reads the file, which must exist and have the seal of these keys.
    pub(super) fn read(env: &dyn Env, dir: &Path, keys: &DataKeys) -> Result<Self> {
        let current = Self::read_unchecked(env, dir)?;
        if current.seal.is_some() && !keys.is_encrypted() {
            return Err(Error::WrongKey(KeyFault::Unreadable("it is missing")));
        }
        let (text, seal) = (current.text(current.format()), current.seal.as_ref());
        keys.check_text(FileKind::Current, &current.database, &text, seal)
            .map_err(|fault| fault.at(&Self::path(dir), 0))?;
        Ok(current)
    }

    /// Reads the file, which must exist, without a check of its seal.
    pub(super) fn read_unchecked(env: &dyn Env, dir: &Path) -> Result<Self> {
        let path = Self::path(dir);
        let file = env.open(&path)?;
        let found = file.size()?;
        if found > MAX_SIZE {
            return Err(Fault::Length { recorded: MAX_SIZE, found }.at(&path, 0));
        }
        let mut bytes = vec![0; usize::try_from(found).expect("it is below the limit")];
        file.read_exact_at(&mut bytes, 0)?;
        Self::decode(&bytes).map_err(|fault| fault.at(&path, 0))
    }

    /// Replaces the file, atomically and durably, with a seal of these keys. After an error the old
    /// content or the new one is in effect.
    pub(super) fn write(&self, env: &dyn Env, dir: &Path, keys: &DataKeys) -> Result<()> {
        let format = if keys.is_encrypted() { ENCRYPTED_FORMAT } else { FORMAT };
        let seal = keys.seal_text(env, FileKind::Current, &self.database, &self.text(format));
        let sealed = Self { seal, ..*self };
        let temp = FileName::CurrentTemp.path(dir);
        if env.kind(&temp)?.is_some() {
            env.remove(&temp)?;
        }
        let file = env.create(&temp)?;
        file.write_at(sealed.encode_as(format).as_bytes(), 0)?;
        file.sync()?;
        env.change_names(dir, &mut || env.rename(&temp, &Self::path(dir)))
    }

    /// The format in which it was read.
    fn format(&self) -> u32 {
        match self.seal {
            Some(_) => ENCRYPTED_FORMAT,
            None if self.is_old => FORMAT - 1,
            None => FORMAT,
        }
    }

    /// The lines before the seal and the checksum.
    fn text(&self, format: u32) -> String {
        let id = u128::from_be_bytes(self.database);
        let manifest = FileName::Manifest(self.manifest);
        format!(
            "{FIRST_LINE}format {format}\nid {id:032x}\nmanifest {manifest}\nseed {:08x}\nsnapshot {}\n",
            self.seed, self.snapshot_end,
        )
    }

    fn encode_as(&self, format: u32) -> String {
        let mut text = self.text(format);
        if let Some(TextSeal { data_key, salt, tag }) = &self.seal {
            text.push_str("seal ");
            text.push_str(&data_key.to_string());
            for part in [&salt[..], tag] {
                text.push(' ');
                put_hex(&mut text, part);
            }
            text.push('\n');
        }
        let crc = crc32(0, text.as_bytes());
        text + &format!("crc32 {crc:08x}\n")
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Fault> {
        let text = str::from_utf8(bytes).map_err(|_| Fault::Invalid("text"))?;
        let rest = text.strip_prefix(FIRST_LINE).ok_or(Fault::Magic)?;
        let body_size = bytes.len().saturating_sub(CRC_LINE_SIZE);
        let stored = text.get(body_size..).and_then(|line| line.strip_prefix("crc32 "));
        let stored = stored.and_then(|hex| u32::from_str_radix(hex.trim_end(), 16).ok());
        let stored = stored.ok_or(Fault::Truncated)?;
        let computed = crc32(0, &bytes[..body_size]);
        if stored != computed {
            return Err(Fault::Checksum { stored, computed });
        }
        let mut lines = rest.lines();
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let found =
            field("format").and_then(|text| text.parse().ok()).ok_or(Fault::Invalid("format line"))?;
        if !(1..=ENCRYPTED_FORMAT).contains(&found) {
            return Err(Fault::Format { found, known: ENCRYPTED_FORMAT });
        }
        let mut read = || {
            Some(Self {
                database: u128::from_str_radix(field("id")?, 16).ok()?.to_be_bytes(),
                manifest: FileName::parse(field("manifest")?)?.manifest_number()?,
                seed: u32::from_str_radix(field("seed")?, 16).ok()?,
                snapshot_end: field("snapshot")?.parse().ok()?,
                is_old: found < FORMAT,
                seal: if found == ENCRYPTED_FORMAT { Some(seal(field("seal")?)?) } else { None },
            })
        };
        let current = read().filter(|current| current.encode_as(found) == text);
        current.ok_or(Fault::Invalid("text"))
    }
}

fn put_hex(text: &mut String, bytes: &[u8]) {
    for digit in bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]) {
        text.extend(char::from_digit(digit.into(), 16));
    }
}

fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(2 * index..2 * index + 2)?, 16).ok()?;
    }
    Some(bytes)
}

fn seal(text: &str) -> Option<TextSeal> {
    let mut words = text.split(' ');
    let data_key = words.next()?.parse().ok()?;
    let (salt, tag) = (unhex(words.next()?)?, unhex(words.next()?)?);
    Some(TextSeal { data_key, salt, tag })
}

#[cfg(test)]
mod tests {
    use super::*;

    const CURRENT: CurrentFile = CurrentFile {
        database: [0, 17, 34, 51, 68, 85, 102, 119, 136, 153, 170, 187, 204, 221, 238, 255],
        manifest: FileNumber(7),
        seed: 0x1a2b_3c4d,
        snapshot_end: 12345,
        is_old: false,
        seal: None,
    };

    #[test]
    fn the_bytes_of_current_stay_as_they_are() {
        let golden = "walnut database\nformat 2\nid 00112233445566778899aabbccddeeff\n\
                      manifest MANIFEST-000007\nseed 1a2b3c4d\nsnapshot 12345\ncrc32 91f2e7b6\n";
        assert_eq!(CURRENT.encode_as(FORMAT), golden);
        let older = "walnut database\nformat 1\nid 00112233445566778899aabbccddeeff\n\
                     manifest MANIFEST-000007\nseed 1a2b3c4d\nsnapshot 12345\ncrc32 a1dc82e5\n";
        assert_eq!(CURRENT.encode_as(1), older);
        for (text, is_old) in [(golden, false), (older, true)] {
            assert_eq!(CurrentFile::decode(text.as_bytes()), Ok(CurrentFile { is_old, ..CURRENT }));
        }
    }

    #[test]
    fn every_flipped_bit_and_every_cut_of_current_is_found() {
        let bytes = CURRENT.encode_as(FORMAT).into_bytes();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(CurrentFile::decode(&damaged).is_err(), "bit {bit}");
        }
        for cut in 0..bytes.len() {
            assert!(CurrentFile::decode(&bytes[..cut]).is_err(), "{cut} bytes");
        }
        assert!(CurrentFile::decode(&[&bytes[..], b"\n"].concat()).is_err());
    }

    #[test]
    fn a_newer_current_is_named_as_such() {
        let body = "walnut database\nformat 4\nunheard of\n";
        let text = format!("{body}crc32 {:08x}\n", crc32(0, body.as_bytes()));
        assert_eq!(CurrentFile::decode(text.as_bytes()), Err(Fault::Format { found: 4, known: 3 }));
    }
}
