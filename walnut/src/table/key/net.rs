//! Addresses: the address, the port, and with version 6 the flow and the scope, as they compare in
//! `std::net`.
//!
//! ```text
//!  Ipv4Addr, Ipv6Addr        4 or 16 bytes
//!  SocketAddrV4              address, port u16
//!  SocketAddrV6              address, port u16, flow u32, scope u32
//!  IpAddr, SocketAddr        04 or 06, then the same
//! ```

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use super::{Key, KeyReader, KeyShape, KeyShapePart, KeyWriter, by_value};
use crate::error::Fault;

const V4: u8 = 4;
const V6: u8 = 6;

macro_rules! addresses {
    ($($address:ident: $size:literal)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Key for $address {
            by_value!();

            fn key_shape() -> KeyShape {
                KeyShape::of(KeyShapePart::Fixed($size)).named(stringify!($address))
            }

            fn encode(&self, out: &mut KeyWriter) {
                out.push(&self.octets());
            }

            fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
                input.take_array::<$size>().map(Self::from)
            }
        }
    )*};
}

addresses! { Ipv4Addr: 4 Ipv6Addr: 16 }

#[diagnostic::do_not_recommend]
impl Key for SocketAddrV4 {
    by_value!();

    fn key_shape() -> KeyShape {
        KeyShape::tuple([Ipv4Addr::key_shape(), u16::key_shape()]).named("SocketAddrV4")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.ip().encode(out);
        self.port().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let ip = Key::decode(input)?;
        Ok(Self::new(ip, u16::decode(input)?))
    }
}

#[diagnostic::do_not_recommend]
impl Key for SocketAddrV6 {
    by_value!();

    fn key_shape() -> KeyShape {
        let parts = [Ipv6Addr::key_shape(), u16::key_shape(), u32::key_shape(), u32::key_shape()];
        KeyShape::tuple(parts).named("SocketAddrV6")
    }

    fn encode(&self, out: &mut KeyWriter) {
        self.ip().encode(out);
        self.port().encode(out);
        self.flowinfo().encode(out);
        self.scope_id().encode(out);
    }

    fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
        let (ip, port) = (Key::decode(input)?, u16::decode(input)?);
        let flow = u32::decode(input)?;
        Ok(Self::new(ip, port, flow, u32::decode(input)?))
    }
}

macro_rules! either_version {
    ($($either:ident)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Key for $either {
            by_value!();

            fn key_shape() -> KeyShape {
                KeyShape::of(KeyShapePart::$either)
            }

            fn encode(&self, out: &mut KeyWriter) {
                match self {
                    Self::V4(address) => {
                        out.push(&[V4]);
                        address.encode(out);
                    }
                    Self::V6(address) => {
                        out.push(&[V6]);
                        address.encode(out);
                    }
                }
            }

            fn decode(input: &mut KeyReader<'_>) -> Result<Self, Fault> {
                match input.take_array()? {
                    [V4] => Key::decode(input).map(Self::V4),
                    [V6] => Key::decode(input).map(Self::V6),
                    _ => Err(Fault::Invalid("version of an address in a key")),
                }
            }
        }
    )*};
}

either_version! { IpAddr SocketAddr }
