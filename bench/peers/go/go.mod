module moor/bench/peers/go

go 1.24
