//! Well-known types, by the names that the compiler has for them. They decide how a value is shown,
//! and nothing else: an unrecognized name only costs the nicer text.

use super::Known;

/// The type of this full name, such as `uuid::Uuid`.
pub(super) fn known(full_name: &str) -> Option<Known> {
    let path = full_name.split('<').next()?;
    let (package, _) = path.split_once("::")?;
    let (_, last) = path.rsplit_once("::")?;
    Some(match (package, last) {
        ("uuid", "Uuid") => Known::Uuid,
        ("std", "SystemTime") => Known::SystemTime,
        ("core" | "time", "Duration") | ("chrono", "TimeDelta") | ("jiff" | "time", "SignedDuration") => {
            Known::Duration
        }
        ("core", "IpAddr") => Known::IpAddr,
        ("core", "Ipv4Addr") => Known::Ipv4Addr,
        ("core", "Ipv6Addr") => Known::Ipv6Addr,
        ("core", "SocketAddr" | "SocketAddrV4" | "SocketAddrV6") => Known::SocketAddr,
        ("rust_decimal", "Decimal") => Known::Decimal,
        ("chrono", "DateTime")
        | ("time", "OffsetDateTime" | "UtcDateTime")
        | ("jiff", "Timestamp" | "Zoned") => Known::Moment,
        ("chrono", "NaiveDate") | ("time" | "jiff", "Date") => Known::Date,
        ("chrono", "NaiveTime") | ("time" | "jiff", "Time") => Known::Time,
        ("chrono", "NaiveDateTime")
        | ("time", "PrimitiveDateTime" | "PlainDateTime")
        | ("jiff", "DateTime") => Known::DateTime,
        _ => return None,
    })
}
