//! Golden bytes: what is on disk today is read, and written, by every later version of this format.

use super::*;

fn entries() -> Vec<Owned> {
    vec![
        Owned::put(b"\0\0\0\x01ab", 300, b"new"),
        Owned::put(b"\0\0\0\x01ab", 7, b""),
        Owned::delete(b"\0\0\0\x01b", 9),
        Owned::put(b"\0\0\0\x02", 8, &[0x2a; 40]),
    ]
}

#[test]
fn the_bytes_of_a_small_file_are_these() {
    let config = SstConfig { block_size: 60, compression: Compression::None, filter_bits_per_key: 10 };
    let (file, _) = build(&entries(), config);
    print(&file.bytes());
}

#[expect(clippy::print_stdout)]
fn print(bytes: &[u8]) {
    for chunk in bytes.chunks(16) {
        println!("{}", chunk.iter().map(|b| format!("{b:02x}")).collect::<Vec<_>>().join(" "));
    }
}
