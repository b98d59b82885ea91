//! Random numbers that a seed repeats.

/// Spreads a number over 64 bits; one to one (the finalizer of splitmix64).
pub fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// A sequence of random numbers.
#[derive(Clone, Debug)]
pub struct Random {
    state: u64,
}

impl Random {
    /// The sequence of a seed.
    pub fn new(seed: u64) -> Self {
        Self { state: mix(seed) }
    }

    /// Any number.
    pub fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.state)
    }

    /// A number below a limit, which is not 0.
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(limit)) >> 64) as u64
    }

    /// The numbers below `count` in a random order (Fisher and Yates).
    pub fn order(&mut self, count: u32) -> Vec<u32> {
        let mut numbers: Vec<u32> = (0..count).collect();
        for end in (1..numbers.len()).rev() {
            numbers.swap(end, self.below(end as u64 + 1) as usize);
        }
        numbers
    }

    /// A fraction from 0 up to 1.
    pub fn fraction(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }
}

/// Numbers below a limit of which few come often: the distribution of YCSB, theta 0.99, scattered.
#[derive(Clone, Debug)]
pub struct Zipf {
    limit: f64,
    count: u64,
    alpha: f64,
    zeta: f64,
    eta: f64,
}

impl Zipf {
    const THETA: f64 = 0.99;

    /// The distribution over numbers below `count`.
    pub fn new(count: u64) -> Self {
        let zeta = |terms: u64| (1..=terms).map(|term| (term as f64).powf(-Self::THETA)).sum::<f64>();
        let limit = count as f64;
        let total = zeta(count);
        let eta = (1.0 - (2.0 / limit).powf(1.0 - Self::THETA)) / (1.0 - zeta(2) / total);
        Self { limit, count, alpha: 1.0 / (1.0 - Self::THETA), zeta: total, eta }
    }

    /// The next number.
    pub fn next(&self, random: &mut Random) -> u64 {
        let fraction = random.fraction();
        let scaled = fraction * self.zeta;
        let rank = if scaled < 1.0 {
            0
        } else if scaled < 1.0 + 0.5f64.powf(Self::THETA) {
            1
        } else {
            (self.limit * (self.eta * fraction - self.eta + 1.0).powf(self.alpha)) as u64
        };
        mix(rank) % self.count
    }
}
