module moor/bench/comparison/peers/go

go 1.24
