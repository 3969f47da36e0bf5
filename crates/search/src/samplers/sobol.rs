//! Quasi-random search: a scrambled Sobol sequence.

use super::known::Known;
use super::{Draw, Sampler};
use crate::history::Origin;
use crate::random::{Stream, key};
use crate::space::Config;

/// Draws the points of a Sobol sequence, which cover the cube more evenly than random ones; an
/// Owen scrambling by hashing, from the seed, makes them a fair sample. Axes beyond the fortieth
/// are random.
///
/// Reference: Sobol 1967, doi:10.1016/0041-5553(67)90144-9; Joe, Kuo 2008, doi:10.1137/070709359
/// (direction numbers); Burley 2020, Practical Hash-based Owen Scrambling, JCGT 9(4).
#[derive(Debug, Clone, Copy)]
pub struct Sobol;

impl Sampler for Sobol {
    fn name(&self) -> &'static str {
        "sobol"
    }

    fn origin(&self) -> Origin {
        Origin::Random
    }

    fn references(&self) -> &'static [&'static str] {
        &[
            "Joe, Kuo 2008, Constructing Sobol Sequences, doi:10.1137/070709359",
            "Burley 2020, Practical Hash-based Owen Scrambling, JCGT 9(4)",
        ]
    }

    fn draw(&self, draw: &Draw<'_>) -> Option<Config> {
        let mut stream = Stream::new(&[draw.seed, draw.id, draw.attempt, 0x50B]);
        let axes = crate::axes::Axes::new(draw.space);
        let place = coordinates(draw, axes.n(), &mut stream);
        axes.config(&place, None, &mut stream)
    }
}

/// The configuration of the trial's number in the sequence.
pub(super) fn place(draw: &Draw<'_>, known: &Known<'_>, stream: &mut Stream) -> Option<Config> {
    let place = coordinates(draw, known.axes.n(), stream);
    known.config(&place, stream)
}

fn coordinates(draw: &Draw<'_>, n_axes: usize, stream: &mut Stream) -> Vec<f64> {
    let index = draw.id.wrapping_add(draw.attempt) as u32;
    let unit = |axis: usize| match sobol(index, axis) {
        Some(bits) => {
            f64::from(scrambled(bits, key(&[draw.seed, axis as u64, 0x0E]) as u32)) / TWO_32
        }
        None => stream.uniform(),
    };
    (0..n_axes).map(unit).collect()
}

const TWO_32: f64 = 4_294_967_296.0;

/// Coordinate of a point, in units of 2^-32, in the order of Gray's code; `None` beyond the table.
fn sobol(index: u32, axis: usize) -> Option<u32> {
    let gray = index ^ (index >> 1);
    if axis == 0 {
        return Some(gray.reverse_bits());
    }
    let (polynomial, first) = DIRECTIONS.get(axis - 1)?;
    let degree = first.len();
    let mut numbers = [0u32; 32];
    let mut point = 0;
    for bit in 0..32 {
        numbers[bit] = match first.get(bit) {
            Some(m) => m << (31 - bit),
            None => {
                let oldest = numbers[bit - degree];
                let taken = (1..degree).filter(|k| polynomial >> (degree - k) & 1 == 1);
                taken.fold(oldest ^ (oldest >> degree), |sum, k| sum ^ numbers[bit - k])
            }
        };
        if gray >> bit & 1 == 1 {
            point ^= numbers[bit];
        }
    }
    Some(point)
}

/// A nested uniform scrambling: each bit is flipped or not by what the higher ones are.
fn scrambled(bits: u32, seed: u32) -> u32 {
    let mut v = bits.reverse_bits();
    v = v.wrapping_add(seed);
    v ^= v.wrapping_mul(0x6C50_B47C);
    v ^= v.wrapping_mul(0xB82F_1E52);
    v ^= v.wrapping_mul(0xC7AF_E638);
    v ^= v.wrapping_mul(0x8D22_F6E6);
    v.reverse_bits()
}

/// Primitive polynomials, their bits from the highest power on, and the first direction numbers,
/// of the axes after the first.
const DIRECTIONS: &[(u32, &[u32])] = &[
    (3, &[1]),
    (7, &[1, 3]),
    (11, &[1, 3, 1]),
    (13, &[1, 1, 1]),
    (19, &[1, 1, 3, 3]),
    (25, &[1, 3, 5, 13]),
    (37, &[1, 1, 5, 5, 17]),
    (41, &[1, 1, 5, 5, 5]),
    (47, &[1, 1, 7, 11, 19]),
    (55, &[1, 1, 5, 1, 1]),
    (59, &[1, 1, 1, 3, 11]),
    (61, &[1, 3, 5, 5, 31]),
    (67, &[1, 3, 3, 9, 7, 49]),
    (91, &[1, 1, 1, 15, 21, 21]),
    (97, &[1, 3, 1, 13, 27, 49]),
    (103, &[1, 1, 1, 15, 7, 5]),
    (109, &[1, 3, 1, 15, 13, 25]),
    (115, &[1, 1, 5, 5, 19, 61]),
    (131, &[1, 3, 7, 11, 23, 15, 103]),
    (137, &[1, 3, 7, 13, 13, 15, 69]),
    (143, &[1, 1, 3, 13, 7, 35, 63]),
    (145, &[1, 3, 5, 9, 1, 25, 53]),
    (157, &[1, 3, 1, 13, 9, 35, 107]),
    (167, &[1, 3, 1, 5, 27, 61, 31]),
    (171, &[1, 1, 5, 11, 19, 41, 61]),
    (185, &[1, 3, 5, 3, 3, 13, 69]),
    (191, &[1, 1, 7, 13, 1, 19, 1]),
    (193, &[1, 3, 7, 5, 13, 19, 59]),
    (203, &[1, 1, 3, 9, 25, 29, 41]),
    (211, &[1, 3, 5, 13, 23, 1, 55]),
    (213, &[1, 3, 7, 3, 13, 59, 17]),
    (229, &[1, 3, 1, 3, 5, 53, 69]),
    (239, &[1, 1, 5, 5, 23, 33, 13]),
    (241, &[1, 1, 7, 7, 1, 61, 123]),
    (247, &[1, 1, 7, 9, 13, 61, 49]),
    (253, &[1, 3, 3, 5, 3, 55, 33]),
    (285, &[1, 3, 1, 15, 31, 13, 49, 245]),
    (299, &[1, 3, 5, 15, 31, 59, 63, 97]),
    (301, &[1, 3, 1, 11, 11, 11, 77, 249]),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_those_of_the_reference() {
        // Recorded from SciPy by testdata/search/sobol.py: a point a line.
        let text = include_str!("../../../../testdata/search/sobol.csv");
        for (index, line) in (0u32..).zip(text.lines()) {
            for (axis, value) in line.split(',').enumerate() {
                let got = f64::from(sobol(index, axis).unwrap()) / TWO_32;
                assert_eq!(got, value.parse::<f64>().unwrap(), "point {index}, axis {axis}");
            }
        }
        assert_eq!((text.lines().count(), sobol(1, 40)), (64, None));
    }

    #[test]
    fn scrambling_keeps_each_elementary_interval_full() {
        for axis in 0..40 {
            let mut counts = [0; 32];
            for index in 0..64 {
                counts[(scrambled(sobol(index, axis).unwrap(), 77) >> 27) as usize] += 1;
            }
            assert!(counts.iter().all(|&n| n == 2), "axis {axis}");
        }
        let points: Vec<u32> = (0..64).map(|i| scrambled(sobol(i, 3).unwrap(), 5)).collect();
        assert_ne!(points[0], scrambled(0, 6));
    }
}
