// Compiles D2 from standard input as the program d2 does before it draws, and counts what it says.
package main

import (
	"fmt"
	"os"

	"oss.terrastruct.com/d2/d2compiler"
)

func main() {
	graph, _, err := d2compiler.Compile("stdin", os.Stdin, nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(len(graph.Objects), len(graph.Edges))
}
