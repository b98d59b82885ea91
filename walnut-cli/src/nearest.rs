//! What a name that does not exist was probably meant to be.

/// The end of a sentence about a name that is not among `names`: the nearest one, or all of them.
pub(crate) fn did_you_mean<'n>(name: &str, names: impl Iterator<Item = &'n str> + Clone) -> String {
    let near = names.clone().map(|other| (distance(name, other), other)).min();
    match near {
        Some((distance, other)) if distance <= 1 + name.len() / 4 => format!("did you mean `{other}`?"),
        None => "there is none".to_owned(),
        Some(_) => {
            let names: Vec<_> = names.take(32).map(|name| format!("`{name}`")).collect();
            format!("there are {}", names.join(", "))
        }
    }
}

/// How many characters have to be added, removed or changed to make one name of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, character) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (place, its) in other.iter().enumerate() {
            let changed = diagonal + usize::from(character != *its);
            diagonal = row[place + 1];
            row[place + 1] = changed.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_proposed() {
        let names = || ["users", "orders", "city_age"].into_iter();
        assert_eq!(did_you_mean("usres", names()), "did you mean `users`?");
        assert_eq!(did_you_mean("animals", names()), "there are `users`, `orders`, `city_age`");
        assert_eq!(did_you_mean("user", names()), "did you mean `users`?");
        assert_eq!(did_you_mean("city_ages", names()), "did you mean `city_age`?");
        assert_eq!(did_you_mean("x", std::iter::empty()), "there is none");
    }
}
