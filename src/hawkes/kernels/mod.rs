//! Hawkes models of the literature for one cascade: exponential and power-law kernels, with marks, in an infinite or
//! a finite population.
//!
//! | model | kernel φ(s) | weight of an event |
//! |---|---|---|
//! | EXP, mEXP | K θ exp(−θ s) | 1, m^β |
//! | PL, mPL | K (s + c)^−(1+θ) | 1, m^β |
//! | EXPN, PLN, mEXPN, mPLN | the same, times (1 − N_t/N) with N_t the number of events so far | the same |
//!
//! There is no background rate. The kernels and the final size follow Mishra, Rizoiu & Xie (CIKM 2016), the
//! likelihood Rizoiu, Lee, Mishra & Xie (tutorial, 2017), the finite population Rizoiu, Mishra, Kong, Carman &
//! Xie (WWW 2018). The names are those of the R package `evently`.

mod approximate;
pub mod diagnostics;
mod errors;
mod exponential;
mod fit;
mod gamma;
mod jet;
mod memory;
mod model;
mod newton;
mod objective;
mod observed;
mod power_law;
mod profile;
mod quantities;
pub mod simulate;
mod sums;

pub use fit::{Fitted, MarkExponent, Model, Population, held_out, restricted};
pub use model::{Family, Likelihood, MAX_TERMS, Parameters, Precision, UnknownFamily, likelihood};
pub use observed::{INFINITE_END, Observed, spread};
pub use quantities::{
    branching_factor, final_size, first_generation, intensity, mean_size, viral_score,
};

#[cfg(test)]
mod fit_laws;
#[cfg(test)]
mod tests;
