//! Types that many know are shown as people write them, are found by what is written, and come back as they were.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, SystemTime};

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use walnut::dynamic::{Query, Value};
use walnut::{Database, Table};

#[derive(Table, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[table(name = "known")]
struct Known {
    #[primary_key]
    uuid: Uuid,
    #[index]
    at: SystemTime,
    #[index]
    length: Duration,
    #[index]
    ip: IpAddr,
    #[index]
    four: Ipv4Addr,
    #[index]
    six: Ipv6Addr,
    #[index]
    peer: SocketAddr,
    #[index]
    peer_four: SocketAddrV4,
    #[index(scale = 3)]
    decimal: Decimal,
    #[index]
    chrono_moment: chrono::DateTime<chrono::Utc>,
    #[index]
    chrono_date: chrono::NaiveDate,
    #[index]
    chrono_time: chrono::NaiveTime,
    #[index]
    chrono_local: chrono::NaiveDateTime,
    #[index]
    chrono_span: chrono::TimeDelta,
    #[index]
    jiff_moment: jiff::Timestamp,
    #[index]
    jiff_date: jiff::civil::Date,
    #[index]
    jiff_time: jiff::civil::Time,
    #[index]
    jiff_local: jiff::civil::DateTime,
    #[index]
    time_moment: time::OffsetDateTime,
    #[index]
    time_utc: time::UtcDateTime,
    #[index]
    time_date: time::Date,
    #[index]
    time_time: time::Time,
    #[index]
    time_local: time::PrimitiveDateTime,
    #[index]
    time_span: time::Duration,
}

/// The moments and spans that are tried: seconds and nanoseconds since the Unix epoch.
const MOMENTS: [(i64, u32); 5] =
    [(0, 0), (1, 1), (951_782_400, 500_000_000), (1_709_251_199, 999_999_999), (4_102_444_800, 0)];

fn known(number: u8, seconds: i64, nanos: u32) -> Known {
    let moment =
        time::OffsetDateTime::from_unix_timestamp(seconds).unwrap().replace_nanosecond(nanos).unwrap();
    let local = time::PrimitiveDateTime::new(moment.date(), moment.time());
    let chrono = chrono::DateTime::from_timestamp(seconds, nanos).unwrap();
    let jiff = jiff::Timestamp::new(seconds, i32::try_from(nanos).unwrap()).unwrap();
    let date = moment.date();
    let small = |number: u8| i8::try_from(number).unwrap();
    let civil = jiff::civil::DateTime::new(
        i16::try_from(date.year()).unwrap(),
        small(u8::from(date.month())),
        small(date.day()),
        small(moment.hour()),
        small(moment.minute()),
        small(moment.second()),
        i32::try_from(nanos).unwrap(),
    )
    .unwrap();
    let length = Duration::new(seconds.unsigned_abs(), nanos);
    let four = Ipv4Addr::new(127, 0, number, 1);
    let six = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, u16::from(number));
    let ip = if number.is_multiple_of(2) { IpAddr::V4(four) } else { IpAddr::V6(six) };
    Known {
        uuid: Uuid::from_u128(u128::from(number) << 100 | 0xabc),
        at: SystemTime::UNIX_EPOCH + length,
        length,
        ip,
        four,
        six,
        peer: SocketAddr::new(ip, 8000 + u16::from(number)),
        peer_four: SocketAddrV4::new(four, 80),
        decimal: Decimal::new(seconds, 3),
        chrono_moment: chrono,
        chrono_date: chrono.date_naive(),
        chrono_time: chrono.time(),
        chrono_local: chrono.naive_utc(),
        chrono_span: chrono::TimeDelta::new(if number == 3 { -seconds } else { seconds }, nanos).unwrap(),
        jiff_moment: jiff,
        jiff_date: civil.date(),
        jiff_time: civil.time(),
        jiff_local: civil,
        time_moment: moment.to_offset(time::UtcOffset::from_hms(1, 30, 0).unwrap()),
        time_utc: moment.to_utc(),
        time_date: moment.date(),
        time_time: moment.time(),
        time_local: local,
        time_span: time::Duration::new(seconds, i32::try_from(nanos).unwrap()),
    }
}

#[test]
fn types_that_many_know_are_text_and_come_back() {
    let (typed, twin) = (Database::in_memory().unwrap(), Database::in_memory().unwrap());
    let rows: Vec<Known> =
        (0..).zip(MOMENTS).map(|(number, (seconds, nanos))| known(number, seconds, nanos)).collect();
    typed.table::<Known>().unwrap().insert_many(&rows).unwrap();
    twin.table::<Known>().unwrap();
    let (read, written) = (typed.dynamic("known").unwrap(), twin.dynamic("known").unwrap());
    let described = read.describe().unwrap();
    assert_eq!(described.read_only, None);
    for row in read.scan(&Query::all()).unwrap() {
        let row = row.unwrap();
        written.insert(&row).unwrap();
        for index in &described.indexes {
            let value = row.field(&index.name).unwrap();
            assert!(matches!(value, Value::Text(_) | Value::List(_)), "{}: {value:?}", index.name);
            // Each row is found by what is shown of it.
            let mut found = read.scan(&Query::index(&*index.name).prefix(value.clone())).unwrap();
            assert!(found.any(|found| found.unwrap() == row), "{}: {value:?}", index.name);
        }
    }
    assert_eq!(twin.table::<Known>().unwrap().iter().collect_vec().unwrap(), {
        let mut rows = rows;
        rows.sort_by_key(|row| row.uuid);
        rows
    });
    twin.verify().unwrap();
    written.verify().unwrap();
}

#[test]
fn they_are_shown_as_people_write_them() {
    let db = Database::in_memory().unwrap();
    db.table::<Known>().unwrap().insert(&known(2, 951_782_400, 500_000_000)).unwrap();
    let row = db.dynamic("known").unwrap().scan(&Query::all()).unwrap().next().unwrap().unwrap();
    for (column, text) in [
        ("uuid", "00000020-0000-0000-0000-000000000abc"),
        ("at", "2000-02-29T00:00:00.5Z"),
        ("length", "951782400.5s"),
        ("ip", "127.0.2.1"),
        ("six", "2001:db8::2"),
        ("peer", "127.0.2.1:8002"),
        ("peer_four", "127.0.2.1:80"),
        ("decimal", "951782.400"),
        ("chrono_moment", "2000-02-29T00:00:00.500Z"),
        ("chrono_date", "2000-02-29"),
        ("chrono_span", "951782400.5s"),
        ("jiff_moment", "2000-02-29T00:00:00.5Z"),
        ("time_moment", "2000-02-29T01:30:00.5+01:30"),
        ("time_utc", "2000-02-29T00:00:00.5Z"),
        ("time_date", "2000-02-29"),
        ("time_time", "00:00:00.5"),
        ("time_local", "2000-02-29T00:00:00.5"),
        ("time_span", "951782400.5s"),
    ] {
        assert_eq!(row.field(column), Some(&Value::from(text)), "{column}");
    }
}
