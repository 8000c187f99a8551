module workbell-receiver-recipe

go 1.19
