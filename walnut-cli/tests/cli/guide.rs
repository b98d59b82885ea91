//! The session that the guide shows is what the command prints.

use super::Place;

#[test]
fn the_session_in_the_guide_is_what_happens() {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/guide/src/command.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let session = guide.split("```console\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let place = Place::new();
    place.write("more.csv", "id,email,city,age,note\n4,dan@x.org,Rome,50,\n5,ann@x.org,Rome,9,\n");
    let (mut commands, mut wrong) = (0, Vec::new());
    for step in session.split("$ walnut ").skip(1) {
        let (command, shown) = step.split_once('\n').unwrap();
        let words = words(command);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let run = place.run(&words);
        let printed = format!("{}{}", run.out, run.err);
        if !fits(shown.trim_end(), printed.trim_end()) {
            wrong.push(format!("$ walnut {command}\n{printed}"));
        }
        commands += 1;
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
    assert!(commands >= 14);
}

/// Whether what was printed is what is shown, where `…` is shown for anything on a line.
fn fits(shown: &str, printed: &str) -> bool {
    let line_fits = |(shown, printed): (&str, &str)| {
        let Some((first, rest)) = shown.split_once('…') else { return shown == printed };
        let Some(printed) = printed.strip_prefix(first) else { return false };
        let mut left = Some(printed);
        for piece in rest.split('…') {
            left = left.and_then(|left| left.split_once(piece)).map(|(_, behind)| behind);
        }
        left.is_some()
    };
    shown.lines().count() == printed.lines().count() && shown.lines().zip(printed.lines()).all(line_fits)
}

/// The words of a line, of which those in single quotes are one.
fn words(line: &str) -> Vec<String> {
    let parts = line.split('\'').enumerate();
    let words = |(at, part): (usize, &str)| {
        if at % 2 == 1 { vec![part.to_owned()] } else { part.split_whitespace().map(str::to_owned).collect() }
    };
    parts.flat_map(words).collect()
}
