/* A camera that is a file: LD_PRELOADed, it gives any program that speaks V4L2 the same pictures.
 *
 *   VIDEO_DEVICE  path that is taken for the device when the program opens it
 *   VIDEO_FRAMES  without its ending: VIDEO_FRAMES.MJPG and .YUYV, each picture as a little-endian
 *                 uint32, its length, and so many bytes
 *   VIDEO_SIZE, VIDEO_FPS   such as 1280x720, 30
 *
 * Each picture says when it was due, in ns of CLOCK_MONOTONIC: a JPEG in the 16 hexadecimal digits
 * of a comment at its beginning, YUYV in 64 squares of 16x16 pixels, black or white, at the top.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/videodev2.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define BUFFERS 8
#define FRAMES 64
#define MARK 16

static int device = -1, memory = -1, streaming;
static unsigned width, height, fps, buffers, image_bytes, sequence;
static uint32_t format = V4L2_PIX_FMT_MJPEG;
static uint64_t started, expired;
static unsigned char *mapped, *frame[FRAMES];
static uint32_t frame_bytes[FRAMES];
static unsigned frames, queued[BUFFERS], queue_length;

static uint64_t now_ns(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + t.tv_nsec;
}

static int load(uint32_t wanted) {
	char name[4096];
	static unsigned char *file;
	snprintf(name, sizeof name, "%s.%s", getenv("VIDEO_FRAMES"),
		wanted == V4L2_PIX_FMT_YUYV ? "YUYV" : "MJPG");
	FILE *f = fopen(name, "rb");
	if (!f) return -1;
	fseek(f, 0, SEEK_END);
	long size = ftell(f);
	rewind(f);
	free(file);
	file = malloc(size);
	if (!file || fread(file, 1, size, f) != (size_t)size) abort();
	fclose(f);
	frames = 0;
	for (long at = 0; at + 4 <= size && frames < FRAMES; at += frame_bytes[frames++]) {
		memcpy(&frame_bytes[frames], file + at, 4);
		at += 4;
		frame[frames] = file + at;
	}
	format = wanted;
	return 0;
}

static int open_device(int flags) {
	sscanf(getenv("VIDEO_SIZE"), "%ux%u", &width, &height);
	fps = atoi(getenv("VIDEO_FPS"));
	image_bytes = (width * height * 2 + 4095) & ~4095u;
	if (load(format) < 0) abort();
	streaming = buffers = queue_length = sequence = 0;
	device = timerfd_create(CLOCK_MONOTONIC,
		TFD_CLOEXEC | (flags & O_NONBLOCK ? TFD_NONBLOCK : 0));
	return device;
}

static void mark(unsigned char *picture, uint64_t due) {
	if (format == V4L2_PIX_FMT_MJPEG) {
		char digits[17];
		snprintf(digits, sizeof digits, "%016llx", (unsigned long long)due);
		memcpy(picture + 6, digits, 16);  /* FF D8 FF FE 00 12 */
		return;
	}
	for (unsigned row = 0; row < MARK; row++)
		for (unsigned bit = 0; bit < 64; bit++)
			for (unsigned x = 0; x < MARK; x++) {
				unsigned char *p = picture + (row * width + bit * MARK + x) * 2;
				p[0] = due >> (63 - bit) & 1 ? 235 : 16;
				p[1] = 128;
			}
}

static int dequeue(struct v4l2_buffer *b) {
	uint64_t count;
	do {
		if (read(device, &count, sizeof count) != sizeof count) return -1;
		expired += count;
	} while (!queue_length);  /* nowhere to put it: it is lost, as with a camera */
	unsigned index = queued[0], n = sequence % frames;
	memmove(queued, queued + 1, --queue_length * sizeof *queued);
	unsigned char *to = mapped + (size_t)index * image_bytes;
	memcpy(to, frame[n], frame_bytes[n]);
	uint64_t due = started + expired * (1000000000u / fps);
	mark(to, due);
	b->index = index;
	b->bytesused = frame_bytes[n];
	b->length = image_bytes;
	b->flags = V4L2_BUF_FLAG_MAPPED | V4L2_BUF_FLAG_DONE | V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	b->field = V4L2_FIELD_NONE;
	b->memory = V4L2_MEMORY_MMAP;
	b->timestamp.tv_sec = due / 1000000000u;
	b->timestamp.tv_usec = due % 1000000000u / 1000;
	b->sequence = sequence++;
	return 0;
}

static void describe(struct v4l2_pix_format *p) {
	p->width = width;
	p->height = height;
	p->pixelformat = format;
	p->field = V4L2_FIELD_NONE;
	p->bytesperline = format == V4L2_PIX_FMT_YUYV ? width * 2 : 0;
	p->sizeimage = image_bytes;
	p->colorspace = format == V4L2_PIX_FMT_YUYV ? V4L2_COLORSPACE_SRGB : V4L2_COLORSPACE_JPEG;
}

static int stream(int on) {
	struct itimerspec t = {{0, on ? 1000000000 / fps : 0}, {0, on ? 1000000000 / fps : 0}};
	started = now_ns();
	expired = 0;
	if (!on) queue_length = 0;
	streaming = on;
	return timerfd_settime(device, 0, &t, NULL);
}

static int no(int error) {
	errno = error;
	return -1;
}

static int control(unsigned long request, void *argument) {
	switch ((uint32_t)request) {
	case VIDIOC_QUERYCAP: {
		struct v4l2_capability *c = argument;
		memset(c, 0, sizeof *c);
		strcpy((char *)c->driver, "file");
		strcpy((char *)c->card, "Pictures of a file");
		strcpy((char *)c->bus_info, "platform:file");
		c->version = 0x060100;
		c->device_caps = V4L2_CAP_VIDEO_CAPTURE | V4L2_CAP_STREAMING;
		c->capabilities = c->device_caps | V4L2_CAP_DEVICE_CAPS;
		return 0;
	}
	case VIDIOC_ENUMINPUT: {
		struct v4l2_input *i = argument;
		if (i->index) return no(EINVAL);
		strcpy((char *)i->name, "Camera");
		i->type = V4L2_INPUT_TYPE_CAMERA;
		return 0;
	}
	case VIDIOC_G_INPUT:
		*(int *)argument = 0;
		return 0;
	case VIDIOC_S_INPUT:
		return 0;
	case VIDIOC_ENUM_FMT: {
		struct v4l2_fmtdesc *f = argument;
		if (f->index > 1 || f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return no(EINVAL);
		f->pixelformat = f->index ? V4L2_PIX_FMT_YUYV : V4L2_PIX_FMT_MJPEG;
		f->flags = f->index ? 0 : V4L2_FMT_FLAG_COMPRESSED;
		strcpy((char *)f->description, f->index ? "YUYV" : "Motion-JPEG");
		return 0;
	}
	case VIDIOC_ENUM_FRAMESIZES: {
		struct v4l2_frmsizeenum *s = argument;
		if (s->index) return no(EINVAL);
		s->type = V4L2_FRMSIZE_TYPE_DISCRETE;
		s->discrete.width = width;
		s->discrete.height = height;
		return 0;
	}
	case VIDIOC_ENUM_FRAMEINTERVALS: {
		struct v4l2_frmivalenum *i = argument;
		if (i->index) return no(EINVAL);
		i->type = V4L2_FRMIVAL_TYPE_DISCRETE;
		i->discrete.numerator = 1;
		i->discrete.denominator = fps;
		return 0;
	}
	case VIDIOC_S_FMT:
	case VIDIOC_TRY_FMT:
	case VIDIOC_G_FMT: {
		struct v4l2_format *f = argument;
		uint32_t wanted = f->fmt.pix.pixelformat;
		if (f->type != V4L2_BUF_TYPE_VIDEO_CAPTURE) return no(EINVAL);
		if ((uint32_t)request == VIDIOC_S_FMT && wanted != format)
			load(wanted == V4L2_PIX_FMT_YUYV ? wanted : V4L2_PIX_FMT_MJPEG);
		describe(&f->fmt.pix);
		return 0;
	}
	case VIDIOC_S_PARM:
	case VIDIOC_G_PARM: {
		struct v4l2_streamparm *p = argument;
		p->parm.capture.capability = V4L2_CAP_TIMEPERFRAME;
		p->parm.capture.timeperframe.numerator = 1;
		p->parm.capture.timeperframe.denominator = fps;
		return 0;
	}
	case VIDIOC_REQBUFS: {
		struct v4l2_requestbuffers *r = argument;
		if (r->memory != V4L2_MEMORY_MMAP) return no(EINVAL);
		if (mapped) munmap(mapped, (size_t)BUFFERS * image_bytes);
		if (memory >= 0) close(memory);
		mapped = NULL, memory = -1;
		buffers = r->count = r->count > BUFFERS ? BUFFERS : r->count;
		queue_length = 0;
		if (!buffers) return 0;
		memory = memfd_create("buffers", MFD_CLOEXEC);
		if (ftruncate(memory, (off_t)BUFFERS * image_bytes) < 0) return -1;
		mapped = mmap(NULL, (size_t)BUFFERS * image_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			memory, 0);
		r->capabilities = V4L2_BUF_CAP_SUPPORTS_MMAP;
		return 0;
	}
	case VIDIOC_QUERYBUF: {
		struct v4l2_buffer *b = argument;
		if (b->index >= buffers) return no(EINVAL);
		b->length = image_bytes;
		b->m.offset = b->index * image_bytes;
		b->flags = 0;
		return 0;
	}
	case VIDIOC_QBUF: {
		struct v4l2_buffer *b = argument;
		if (b->index >= buffers || queue_length >= BUFFERS) return no(EINVAL);
		queued[queue_length++] = b->index;
		return 0;
	}
	case VIDIOC_DQBUF:
		return streaming ? dequeue(argument) : no(EINVAL);
	case VIDIOC_STREAMON:
	case VIDIOC_STREAMOFF:
		return stream((uint32_t)request == VIDIOC_STREAMON);
	}
	return no(ENOTTY);
}

int ioctl(int fd, unsigned long request, ...) {
	static int (*next)(int, unsigned long, void *);
	va_list rest;
	va_start(rest, request);
	void *argument = va_arg(rest, void *);
	va_end(rest);
	if (fd == device && fd >= 0) return control(request, argument);
	if (!next) next = dlsym(RTLD_NEXT, "ioctl");
	return next(fd, request, argument);
}

static int opened(const char *name, const char *path, int flags, mode_t mode) {
	const char *wanted = getenv("VIDEO_DEVICE");
	if (wanted && !strcmp(path, wanted)) return open_device(flags);
	int (*next)(const char *, int, mode_t) = dlsym(RTLD_NEXT, name);
	return next(path, flags, mode);
}

#define OPEN(name)                                    \
	int name(const char *path, int flags, ...) {      \
		va_list rest;                                 \
		va_start(rest, flags);                        \
		mode_t mode = va_arg(rest, mode_t);           \
		va_end(rest);                                 \
		return opened(#name, path, flags, mode);      \
	}
OPEN(open)
OPEN(open64)

int __open_2(const char *path, int flags) { return opened("open", path, flags, 0); }
int __open64_2(const char *path, int flags) { return opened("open64", path, flags, 0); }

static void *map(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
	static void *(*next)(void *, size_t, int, int, int, off_t);
	if (!next) next = dlsym(RTLD_NEXT, "mmap64");
	return next(at, length, protection, flags, fd == device && fd >= 0 ? memory : fd, offset);
}

void *mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
	return map(at, length, protection, flags, fd, offset);
}

void *mmap64(void *at, size_t length, int protection, int flags, int fd, off_t offset) {
	return map(at, length, protection, flags, fd, offset);
}

int close(int fd) {
	static int (*next)(int);
	if (!next) next = dlsym(RTLD_NEXT, "close");
	if (fd == device && fd >= 0) device = -1;
	return next(fd);
}
