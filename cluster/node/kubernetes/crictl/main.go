// Command crictl answers the calls that kind makes of a node's crictl, because the module of the
// real one is not served everywhere: inspecti IMAGE, images, ps.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const socket = "unix:///run/containerd/containerd.sock"

func main() {
	if err := answer(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "crictl:", err)
		os.Exit(1)
	}
}

func answer(args []string) error {
	connection, err := grpc.NewClient(socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()

	verb := ""
	if len(args) > 0 {
		verb = args[0]
	}
	switch {
	case verb == "inspecti" && len(args) == 2:
		return inspectImage(ctx, cri.NewImageServiceClient(connection), args[1])
	case verb == "images" && len(args) == 1:
		return listImages(ctx, cri.NewImageServiceClient(connection))
	case verb == "ps" && len(args) == 1:
		return listContainers(ctx, cri.NewRuntimeServiceClient(connection))
	}
	return errors.New("this small crictl knows: inspecti IMAGE, images, ps")
}

// inspectImage prints the image in the shape of the real crictl, whose status.id kind reads.
func inspectImage(ctx context.Context, images cri.ImageServiceClient, name string) error {
	found, err := images.ImageStatus(ctx, &cri.ImageStatusRequest{Image: &cri.ImageSpec{Image: name}})
	if err != nil {
		return err
	}
	if found.Image == nil {
		return fmt.Errorf("no such image %q present", name)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"status": map[string]any{
		"id":          found.Image.Id,
		"repoTags":    found.Image.RepoTags,
		"repoDigests": found.Image.RepoDigests,
		"size":        strconv.FormatUint(found.Image.Size, 10),
	}})
}

func listImages(ctx context.Context, images cri.ImageServiceClient) error {
	found, err := images.ListImages(ctx, &cri.ListImagesRequest{})
	if err != nil {
		return err
	}
	for _, image := range found.Images {
		fmt.Println(image.Id, image.Size, image.RepoTags)
	}
	return nil
}

func listContainers(ctx context.Context, runtime cri.RuntimeServiceClient) error {
	found, err := runtime.ListContainers(ctx, &cri.ListContainersRequest{})
	if err != nil {
		return err
	}
	for _, container := range found.Containers {
		fmt.Println(container.Id[:13], container.State, container.Metadata.Name, container.PodSandboxId[:13])
	}
	return nil
}
