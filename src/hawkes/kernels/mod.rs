//! Hawkes models of the literature for one cascade: kernels with one or several exponentials, with a power law and that
//! of SEISMIC, with marks, in an infinite or a finite population.
//!
//! | model | [`Family`] | kernel φ(s) | weight of an event |
//! |---|---|---|---|
//! | EXP, mEXP | `Exponential` | K θ exp(−θ s) | 1, m^β |
//! | PL, mPL | `PowerLaw` | K (s + c)^−(1+θ) | 1, m^β |
//! | sum of M exponentials, M of 2 to [`MAX_TERMS`] | `SumExp(M)` | Σ Kᵢ θᵢ exp(−θᵢ s) | 1, m^β |
//! | SEISMIC's memory kernel | `Seismic` | K ψ(s), ψ constant up to 300 s and proportional to s^−1.2314843 above, with integral 1 | m by default; 1, m^β |
//! | EXPN, PLN, mEXPN, mPLN | any, with a finite population | the same, times (1 − N_t/N) with N_t the number of events so far | the same |
//!
//! Lags s, and c, are in seconds, θ of an exponential in 1/s, θ of a power law and β have no unit, and marks m are in
//! followers. K is the number of children of an event of weight 1, except for the power law, where that is K c^−θ/θ.
//!
//! There is no background rate. The kernels and the final size follow Mishra, Rizoiu & Xie (CIKM 2016), the
//! likelihood Rizoiu, Lee, Mishra & Xie (tutorial, 2017), SEISMIC's kernel Zhao et al. (KDD 2015), the finite population Rizoiu, Mishra, Kong, Carman &
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
