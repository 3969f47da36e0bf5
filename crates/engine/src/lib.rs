//! The loop that joins learning, searching and predicting under two budgets.
