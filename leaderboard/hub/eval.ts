	"imagenet-q": {
		name: "imagenet-q",
		description:
			"ImageNet-Q measures how image quality affects image classifiers: blur, noise, contrast, JPEG and JPEG 2000.",
		url: "https://github.com/OWNER/imagenet-q",
	},
