"""An entry of a stranger comes in; what is wrong or odd about it goes out."""
