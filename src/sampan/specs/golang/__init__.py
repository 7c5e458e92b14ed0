"""How Go writes and reads: words of strconv, time, path and encoding/json, which Docker hands on to users."""
