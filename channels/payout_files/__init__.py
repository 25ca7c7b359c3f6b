"""Files for banks and wallets without an interface: payouts out (CSV, pain.001) and what became of them in."""
