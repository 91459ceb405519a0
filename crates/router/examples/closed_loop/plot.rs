//! Pictures in SVG: who is tried first, and beneath it what is refused and what fails. They carry
//! their own background, and follow the reader's colour scheme.

use std::fmt::Write;

use crate::cases::Case;
use crate::simulation::history::{History, Tally};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = WIDTH - 112.0;
const SHARES: Panel = Panel {
    top: 46.0,
    bottom: 246.0,
};
const TROUBLES: Panel = Panel {
    top: 298.0,
    bottom: 388.0,
};
const HEIGHT: f64 = 420.0;
/// Of the palette for the colour-blind by M. Okabe and K. Ito, 2008.
const COLOURS: [&str; 5] = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9"];
const REFUSED: &str = "#8f6bc1";
const FAILED: &str = "#d55e00";
const STYLE: &str = "text{font:12px system-ui,sans-serif;fill:#24292f}.b{fill:#fff}\
    .g{stroke:#8c959f;stroke-opacity:.4}.t{fill:#8c959f;fill-opacity:.15}\
    @media(prefers-color-scheme:dark){text{fill:#e6edf3}.b{fill:#0d1117}}";

/// A name, a colour, and what is counted.
type Rate<'a> = (&'static str, &'static str, &'a dyn Fn(&Tally) -> u32);

#[derive(Clone, Copy)]
struct Panel {
    top: f64,
    bottom: f64,
}

impl Panel {
    fn y(self, part: f64) -> f64 {
        self.bottom - (self.bottom - self.top) * part
    }
}

/// One picture.
pub(crate) fn draw(case: &Case, history: &History) -> String {
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\">\n\
         <title>{title}</title>\n<style>{STYLE}</style>\n\
         <rect class=\"b\" width=\"{WIDTH}\" height=\"{HEIGHT}\"/>\n",
        title = case.title
    );
    text(&mut svg, LEFT, 20.0, "start", case.title);
    text(&mut svg, LEFT, 38.0, "start", "tried first, % of requests");
    shares(&mut svg, case, history);
    let failing = "429 and failed, % of attempts";
    text(&mut svg, LEFT, TROUBLES.top - 8.0, "start", failing);
    troubles(&mut svg, case, history);
    let x = RIGHT + 12.0;
    let place = format!(
        "x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\"",
        TROUBLES.top + 44.0
    );
    writeln!(svg, "<rect class=\"t\" {place}/>").unwrap();
    text(&mut svg, x + 18.0, TROUBLES.top + 54.0, "start", "trouble");
    for panel in [SHARES, TROUBLES] {
        frame(&mut svg, case, panel);
    }
    svg.push_str("</svg>\n");
    svg
}

/// Areas, one on the other. Each reaches down to the bottom, beneath those drawn after it.
fn shares(svg: &mut String, case: &Case, history: &History) {
    let providers = &case.scenario.providers;
    let bins = bins(case);
    for place in (0..providers.len()).rev() {
        let part = |span: &(f64, f64)| {
            let share = |provider| history.share(provider, span.0..span.1);
            (0..=place).map(share).sum::<f64>()
        };
        let edge = steps(case, SHARES, bins.iter().map(part));
        let bottom = SHARES.bottom;
        let colour = COLOURS[place];
        let area = format!("M{LEFT} {bottom}{edge}V{bottom}Z");
        writeln!(svg, "<path d=\"{area}\" fill=\"{colour}\"/>").unwrap();
        let y = SHARES.bottom - 20.0 * f64::from(u32::try_from(place).unwrap()) - 10.0;
        legend(svg, y, colour, providers[place].name);
    }
}

fn troubles(svg: &mut String, case: &Case, history: &History) {
    let rate_limited = |tally: &Tally| tally.rate_limited;
    let failed = |tally: &Tally| tally.failed;
    let rates: [Rate<'_>; 2] = [("429", REFUSED, &rate_limited), ("failed", FAILED, &failed)];
    let bins = bins(case);
    for (n, (name, colour, counted)) in (0_u32..).zip(rates) {
        let part = |span: &(f64, f64)| {
            let tally = |provider| history.tally(provider, span.0..span.1);
            let tallies: Vec<_> = (0..case.scenario.providers.len()).map(tally).collect();
            let attempts: u32 = tallies.iter().map(|tally| tally.attempts).sum();
            let counted: u32 = tallies.iter().map(counted).sum();
            f64::from(counted) / f64::from(attempts.max(1))
        };
        let edge = steps(case, TROUBLES, bins.iter().map(part));
        let bottom = TROUBLES.bottom;
        let line = format!("M{LEFT} {bottom}{edge}V{bottom}");
        let stroke = format!("fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\"");
        writeln!(svg, "<path d=\"{line}\" {stroke}/>").unwrap();
        legend(svg, TROUBLES.top + 10.0 + 20.0 * f64::from(n), colour, name);
    }
}

/// The grid with its units, and from when to when there is trouble.
fn frame(svg: &mut String, case: &Case, panel: Panel) {
    let (from, to) = (x(case, case.trouble_s.0), x(case, case.trouble_s.1));
    let (top, height, width) = (panel.top, panel.bottom - panel.top, to - from);
    let place = format!("x=\"{from:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{height}\"");
    writeln!(svg, "<rect class=\"t\" {place}/>").unwrap();
    for percent in [0_u32, 50, 100] {
        let y = panel.y(f64::from(percent) / 100.0);
        writeln!(svg, "<path class=\"g\" d=\"M{LEFT} {y}H{RIGHT}\"/>").unwrap();
        text(svg, LEFT - 6.0, y + 4.0, "end", &percent.to_string());
    }
    let minutes = case.scenario.lasts_s / 60.0;
    let every = if minutes > 20.0 { 10.0 } else { 2.0 };
    let mut minute = 0.0;
    while minute <= minutes {
        let x = x(case, minute * 60.0);
        let (top, bottom) = (panel.top, panel.bottom);
        writeln!(svg, "<path class=\"g\" d=\"M{x:.1} {top}V{bottom}\"/>").unwrap();
        text(svg, x, bottom + 16.0, "middle", &minute.to_string());
        minute += every;
    }
    text(svg, RIGHT + 12.0, panel.bottom + 16.0, "start", "minutes");
}

fn legend(svg: &mut String, y: f64, colour: &str, name: &str) {
    let x = RIGHT + 12.0;
    let place = format!("x=\"{x}\" y=\"{}\" width=\"12\" height=\"12\"", y - 6.0);
    writeln!(svg, "<rect {place} fill=\"{colour}\"/>").unwrap();
    text(svg, x + 18.0, y + 4.0, "start", name);
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let place = format!("x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\"");
    writeln!(svg, "<text {place}>{text}</text>").unwrap();
}

/// A line from the left to the right with a step per bin; equal ones are one.
fn steps(case: &Case, panel: Panel, parts: impl Iterator<Item = f64>) -> String {
    let mut path = String::new();
    let mut height = String::new();
    let mut reached = LEFT;
    for part in parts {
        let y = format!("{:.1}", panel.y(part));
        if y != height {
            write!(path, "H{reached:.1}V{y}").unwrap();
            height = y;
        }
        reached += (RIGHT - LEFT) * case.bin_s / case.scenario.lasts_s;
    }
    write!(path, "H{reached:.1}").unwrap();
    path
}

fn bins(case: &Case) -> Vec<(f64, f64)> {
    let begins = (0..).map(|n| f64::from(n) * case.bin_s);
    let begins = begins.take_while(|from_s| from_s + case.bin_s <= case.scenario.lasts_s);
    begins.map(|from_s| (from_s, from_s + case.bin_s)).collect()
}

fn x(case: &Case, at_s: f64) -> f64 {
    LEFT + (RIGHT - LEFT) * at_s / case.scenario.lasts_s
}
