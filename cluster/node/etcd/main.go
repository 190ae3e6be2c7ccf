// Command etcd is the etcd server, built from its module because no image of it can be pulled.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
