//! The chart: for each row, by what factor Walnut is ahead of the best peer, or behind it.

use std::fmt::Write;

use super::Results;
use crate::work::rows::ROWS;

const LINE: f64 = 22.0;
const LABELS: f64 = 330.0;
const MIDDLE: f64 = 470.0;
const WIDTH: f64 = 900.0;
/// Pixels of a factor of two.
const OCTAVE: f64 = 70.0;
const TOP: f64 = 58.0;

/// An SVG of one bar for each row: to the right where Walnut is ahead, to the left where the peer is. Each doubling is as
/// long as the one before.
pub fn chart(results: &Results) -> String {
    let mut text = String::new();
    write(results, &mut text).unwrap_or_else(|_| unreachable!("writing to a string"));
    text
}

fn write(results: &Results, out: &mut String) -> std::fmt::Result {
    let bars: Vec<_> = ROWS.iter().filter_map(|row| Some((row, results.best_peer(row)?))).collect();
    let height = TOP + LINE * bars.len() as f64 + 16.0;
    writeln!(
        out,
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13">"#
    )?;
    writeln!(out, r##"<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>"##)?;
    writeln!(
        out,
        r##"<text x="16" y="24" font-size="16" font-weight="600" fill="#1f2328">Walnut against the best peer in each row</text>"##
    )?;
    writeln!(
        out,
        r##"<text x="16" y="43" fill="#59636e">{} rows; to the right Walnut is ahead, to the left the peer; each line is a doubling</text>"##,
        results.rows
    )?;
    for octave in -1..=5 {
        let x = MIDDLE + OCTAVE * f64::from(octave);
        let shade = if octave == 0 { "#59636e" } else { "#d1d9e0" };
        writeln!(out, r#"<line x1="{x}" y1="{TOP}" x2="{x}" y2="{}" stroke="{shade}"/>"#, height - 12.0)?;
    }
    for (place, (row, (peer, ratio))) in bars.into_iter().enumerate() {
        let y = TOP + LINE * place as f64;
        let length = (ratio.log2() * OCTAVE).clamp(-OCTAVE * 1.6, OCTAVE * 5.0);
        let (x, color) = if length < 0.0 { (MIDDLE + length, "#c2410c") } else { (MIDDLE, "#4d7c0f") };
        let baseline = y + 15.0;
        writeln!(
            out,
            r##"<text x="{LABELS}" y="{baseline}" text-anchor="end" fill="#1f2328">{}</text>"##,
            row.label
        )?;
        writeln!(
            out,
            r#"<rect x="{x}" y="{}" width="{}" height="14" fill="{color}"/>"#,
            y + 4.0,
            length.abs().max(1.0)
        )?;
        let end = MIDDLE + length.max(0.0) + 6.0;
        writeln!(out, r##"<text x="{end}" y="{baseline}" fill="#59636e">{ratio:.2} · {peer}</text>"##)?;
    }
    writeln!(out, "</svg>")
}
