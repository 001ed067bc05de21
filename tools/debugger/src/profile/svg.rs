//! A flame graph: a bar a stack, as wide as what it took with all above it, the stack below under it.

use super::Stacks;
use std::fmt::Write as _;

const WIDTH: f64 = 1_200.0;
const BAR_HEIGHT: f64 = 17.0;
const MARGIN: f64 = 10.0;
const HEAD: f64 = 40.0;
/// Columns of a letter, about.
const LETTER_WIDTH: f64 = 7.0;
/// Bars that are narrower are not drawn: nobody sees them.
const BAR_WIDTH_MIN: f64 = 0.1;

/// The drawing, with `title` above it. A bar shows its name and counts when pointed at; widths are operators.
pub(crate) fn flame_graph(stacks: &Stacks, title: &str) -> String {
    let totals = stacks.totals();
    let roots = stacks.nodes.iter().zip(&totals).filter(|(stack, _)| stack.parent.is_none());
    let sum = roots.fold(0u64, |sum, (_, total)| sum.saturating_add(*total));
    let scale = if sum == 0 { 0.0 } else { (WIDTH - 2.0 * MARGIN) / sum as f64 };
    let mut bars = Vec::with_capacity(totals.len());
    let (mut next, mut root_next) = (vec![0.0; totals.len()], MARGIN);
    let mut deepest = 0;
    for (place, stack) in stacks.nodes.iter().enumerate() {
        let width = totals[place] as f64 * scale;
        let slot = stack.parent.map_or(&mut root_next, |parent| &mut next[parent]);
        let left = *slot;
        *slot += width;
        // What a stack took itself is on the right of what it called.
        next[place] = left;
        let depth = stack.parent.map_or(0, |parent: usize| bars_depth(&bars, parent) + 1);
        bars.push(Bar { left, width, depth });
        if width >= BAR_WIDTH_MIN {
            deepest = deepest.max(depth);
        }
    }
    let height = HEAD + MARGIN + BAR_HEIGHT * (deepest + 1) as f64;
    let mut svg = head(height, title);
    for (place, bar) in bars.iter().enumerate().filter(|(_, bar)| bar.width >= BAR_WIDTH_MIN) {
        let share = totals[place] as f64 * 100.0 / sum.max(1) as f64;
        let name = &stacks.nodes[place].name;
        let hint =
            format!("{name}: {} operators, {share:.2}%, {} calls", totals[place], stacks.nodes[place].calls);
        append(&mut svg, bar, height, name, &hint);
    }
    svg.push_str("</svg>\n");
    svg
}

struct Bar {
    left: f64,
    width: f64,
    depth: usize,
}

fn bars_depth(bars: &[Bar], place: usize) -> usize {
    bars.get(place).map_or(0, |bar| bar.depth)
}

fn head(height: f64, title: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"monospace\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fffdf5\"/>\n\
         <text x=\"{MARGIN}\" y=\"24\" font-size=\"16\">{}</text>\n",
        escaped(title)
    )
}

fn append(svg: &mut String, bar: &Bar, height: f64, name: &str, hint: &str) {
    let top = height - MARGIN - BAR_HEIGHT * (bar.depth + 1) as f64;
    let letters = (bar.width / LETTER_WIDTH) as usize;
    let label = match name.chars().count() {
        _ if letters < 3 => String::new(),
        count if count <= letters => name.to_owned(),
        _ => name.chars().take(letters - 2).chain("..".chars()).collect(),
    };
    // Writing into a string does not fail.
    let _ = writeln!(
        svg,
        "<g><title>{}</title><rect x=\"{:.2}\" y=\"{top:.1}\" width=\"{:.2}\" height=\"{:.1}\" rx=\"1\" fill=\"{}\"/>\
         <text x=\"{:.2}\" y=\"{:.1}\">{}</text></g>",
        escaped(hint),
        bar.left,
        bar.width,
        BAR_HEIGHT - 1.0,
        colour(name),
        bar.left + 3.0,
        top + 12.0,
        escaped(&label)
    );
}

/// The same for a name everywhere: warm for functions, cold for the host.
fn colour(name: &str) -> String {
    let hash =
        name.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let (hue, light) = (hash % 55, 60 + (hash >> 8) % 15);
    let hue = if name.starts_with("host::") { 200 } else { hue };
    format!("hsl({hue},80%,{light}%)")
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::tests::stacks;

    #[test]
    fn bars_are_as_wide_as_their_shares() {
        let svg = flame_graph(&stacks(), "a < b");
        assert!(svg.starts_with("<?xml") && svg.ends_with("</svg>\n") && svg.contains("a &lt; b"));
        let widths: Vec<&str> = svg
            .lines()
            .filter_map(|line| line.split_once(" width=\"")?.1.split_once('"'))
            .map(|(width, _)| width)
            .collect();
        // The page, its ground, and three of four bars: the last one took nothing.
        assert_eq!(widths, ["1200", "100%", "1180.00", "643.64", "375.45"]);
        assert_eq!(svg.matches("<g>").count(), svg.matches("</g>").count());
        assert!(svg.contains("<title>function[2]: 12 operators, 54.55%, 2 calls</title>"));
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        assert!(!flame_graph(&Stacks::default(), "").contains("<g>"));
    }
}
